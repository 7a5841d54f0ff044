/** Rows as columns of equal width, with a line under the header. */
export function textTable({
  header,
  rows,
}: {
  header: readonly string[];
  rows: readonly (readonly string[])[];
}): string {
  const widths = header.map((title, column) =>
    rows.reduce((most, row) => Math.max(most, (row[column] ?? '').length), title.length),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  return [line(header), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)].join('\n');
}
