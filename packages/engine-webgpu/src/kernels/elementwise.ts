const workgroup = 256;

/** The part of a shader's options that runs `code` once for each i (i32) in 0 … size − 1. */
export function elementwise(
  size: number,
  code: string,
): { body: string; groups: number; workgroup: number; integers: { size: number } } {
  return {
    body: `let i = i32(group * ${workgroup}u + lane);
  if (i >= uniforms.size) { return; }
  ${code}`,
    groups: Math.ceil(size / workgroup),
    workgroup,
    integers: { size },
  };
}
