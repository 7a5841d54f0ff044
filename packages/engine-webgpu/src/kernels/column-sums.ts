import { tf } from '@subtext/tensor';
import { defaultWorkgroup, type RunShader } from './run-shader';

/** Rows that one thread adds: fewer make more threads, and more partial sums to add afterwards. */
const rowsPerPart = 32;

/**
 * Sums over the rows of one or two quantities: `[rows, width]` → a `[width]` for each. Each thread adds a column of some
 * rows; a second pass adds those parts, in their order. No atomics: the same sums every time.
 */
export function columnSums<Name extends string>(
  run: RunShader,
  {
    rows,
    width,
    inputs,
    terms,
  }: {
    rows: number;
    width: number;
    inputs: Readonly<Record<string, tf.Tensor>>;
    /** WGSL of each quantity at `row`, `column` and `i` = row · width + column (i32). */
    terms: Readonly<Record<Name, string>>;
  },
): Record<Name, tf.Tensor1D> {
  const names = Object.keys(terms) as Name[];
  if (rows === 0) {
    return Object.fromEntries(names.map((name) => [name, tf.zeros([width])])) as Record<Name, tf.Tensor1D>;
  }
  const parts = Math.ceil(rows / rowsPerPart);
  const blocks = Math.ceil(width / defaultWorkgroup);
  const each = (line: (name: Name) => string) => names.map(line).join('\n');
  const place = `
  let column = i32(group) % uniforms.blocks * ${defaultWorkgroup} + i32(lane);
  let part = i32(group) / uniforms.blocks;
  if (column >= uniforms.width) { return; }`;
  const first = run<Name>({
    name: 'columnSums',
    body: `${place}
  ${each((name) => `var sum_${name} = 0.0;`)}
  for (var row = part * ${rowsPerPart}; row < min(uniforms.rows, (part + 1) * ${rowsPerPart}); row++) {
    let i = row * uniforms.width + column;
    ${each((name) => `sum_${name} += ${terms[name]};`)}
  }
  ${each((name) => `${name}[part * uniforms.width + column] = sum_${name};`)}`,
    inputs,
    outputs: Object.fromEntries(names.map((name) => [name, [parts, width]])) as Record<Name, number[]>,
    integers: { rows, width, blocks },
    groups: blocks * parts,
  });
  if (parts === 1) {
    return reshaped(names, first, width);
  }
  const second = run<Name>({
    name: 'columnSums',
    body: `${place}
  ${each((name) => `var sum_${name} = 0.0;`)}
  for (var other = 0; other < uniforms.parts; other++) {
    ${each((name) => `sum_${name} += part_${name}[other * uniforms.width + column];`)}
  }
  ${each((name) => `${name}[column + part] = sum_${name};`)}`,
    inputs: Object.fromEntries(names.map((name) => [`part_${name}`, first[name]])),
    outputs: Object.fromEntries(names.map((name) => [name, [width]])) as Record<Name, number[]>,
    integers: { width, blocks, parts },
    groups: blocks,
  });
  tf.dispose(first);
  return second as Record<Name, tf.Tensor1D>;
}

function reshaped<Name extends string>(
  names: Name[],
  tensors: Record<Name, tf.Tensor>,
  width: number,
): Record<Name, tf.Tensor1D> {
  return Object.fromEntries(
    names.map((name) => {
      const flat = tf.reshape(tensors[name], [width]) as tf.Tensor1D;
      tensors[name].dispose();
      return [name, flat];
    }),
  ) as Record<Name, tf.Tensor1D>;
}
