export function codeChanged(options: { root: string; from: string; paths: readonly string[] }): boolean | undefined;
