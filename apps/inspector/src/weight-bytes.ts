/** The bytes of a model's weights among the files of its folder. */
export function weightBytes(files: readonly { path: string; size: number }[]): number {
  return files.reduce((sum, { path, size }) => sum + (/^[^/]*\.(safetensors|bin)$/.test(path) ? size : 0), 0);
}
