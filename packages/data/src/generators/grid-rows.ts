/**
 * The rows of a square grid of which a text is the cells, row by row, as puzzles are written (`. 2 . 4 …`).
 *
 * @returns null for a text that is no such grid: its words are not a square number from 3 × 3, or one has several characters
 */
export function gridRows(text: string): string[][] | null {
  const cells = text.trim().split(/\s+/);
  const side = Math.sqrt(cells.length);
  if (side < 3 || !Number.isInteger(side) || cells.some((cell) => cell.length !== 1)) return null;
  return Array.from({ length: side }, (_, row) => cells.slice(row * side, (row + 1) * side));
}
