import { EvaluationError } from '../errors';
import { escapeHtml } from '@subtext/decoder/cards';
import { formatInterval, formatValue, type ValueFormat } from './format-value';
import { inlineCode, makeSection, paragraphs, type ReportSection } from './report-section';

/** A cell with more than a text: a number, its interval, and how it reads. */
export interface TableValue {
  value: number | string | null;
  /** Lower and upper bound, in the unit of the value. @default none */
  interval?: readonly [number, number];
  /** @default the column's */
  format?: ValueFormat;
  /** Decimals. @default the column's */
  digits?: number;
  /** Bold. @default false */
  strong?: boolean;
  /** Said by a colour and a mark, never by the colour alone. @default none */
  tone?: 'good' | 'bad' | 'uncertain';
  /** A short remark under the value. @default none */
  note?: string;
}

/** What a cell may hold; null is an empty cell, written –. */
export type TableCell = string | number | null | TableValue;

export interface TableColumn {
  header: string;
  /** @default 'right' for columns that hold numbers only, else 'left' */
  align?: 'left' | 'right';
  /** How its numbers are written. @default 'number' */
  format?: ValueFormat;
  /** Decimals of its numbers. @default depends on the format */
  digits?: number;
}

/** Options of {@link tableSection}. */
export interface TableSectionOptions {
  title: string;
  /** What the table shows; stands above it. */
  caption: string;
  columns: (string | TableColumn)[];
  /** One list of cells a row, as long as the columns. The first cell names the row. */
  rows: TableCell[][];
  /** Text before the table. @default none */
  text?: string | string[];
  /** Remarks below the table. @default none */
  notes?: string[];
}

/**
 * A table that scrolls inside its box on narrow screens.
 *
 * @throws EvaluationError length-mismatch where a row has another number of cells than there are columns.
 */
export function tableSection({
  title,
  caption,
  columns,
  rows,
  text = [],
  notes = [],
}: TableSectionOptions): ReportSection {
  const heads = columns.map((column, index) => {
    const given: TableColumn = typeof column === 'string' ? { header: column } : column;
    const numeric = rows.length > 0 && index > 0 && rows.every((row) => isNumeric(row[index]));
    return { ...given, align: given.align ?? (numeric ? ('right' as const) : ('left' as const)) };
  });
  for (const [index, row] of rows.entries()) {
    if (row.length !== heads.length) {
      throw new EvaluationError({
        code: 'length-mismatch',
        message: `Table "${title}": row ${index + 1} has ${row.length} cells but there are ${heads.length} columns; give one cell a column (null for an empty one).`,
      });
    }
  }
  const head = heads.map(({ header, align }) => `<th scope="col" class="${align}">${inlineCode(header)}</th>`).join('');
  const body = rows
    .map(
      (row) =>
        `<tr>${row.map((cell, index) => renderCell(cell, heads[index] as TableColumn, index === 0)).join('')}</tr>`,
    )
    .join('\n');
  const empty = rows.length === 0 ? `<tr><td colspan="${heads.length}">No rows.</td></tr>` : '';
  const html = `${paragraphs(text)}
<div class="scroll" role="region" tabindex="0" aria-label="${escapeHtml(title)}: table">
<table>
<caption><span>${inlineCode(caption)}</span></caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body}${empty}
</tbody>
</table>
</div>
${notes.map((note) => `<p class="note">${inlineCode(note)}</p>`).join('\n')}`;
  return makeSection({ title, html });
}

const tones = { good: '✓', bad: '✗', uncertain: '?' } as const;

function renderCell(cell: TableCell, column: TableColumn, first: boolean): string {
  const rich: TableValue = typeof cell === 'object' && cell !== null ? cell : { value: cell };
  const format = rich.format ?? column.format;
  const digits = rich.digits ?? column.digits;
  const value =
    rich.value === null
      ? '–'
      : typeof rich.value === 'number'
        ? escapeHtml(formatValue({ value: rich.value, format, digits }))
        : inlineCode(rich.value);
  const parts = [
    rich.tone === undefined ? '' : `<span class="mark" aria-hidden="true">${tones[rich.tone]}</span> `,
    rich.strong === true ? `<strong>${value}</strong>` : value,
    rich.interval === undefined
      ? ''
      : ` <span class="interval">${formatInterval({ interval: rich.interval, format, digits })}</span>`,
    rich.note === undefined ? '' : `<span class="cell-note">${inlineCode(rich.note)}</span>`,
  ];
  const classes = [column.align ?? 'left', rich.tone ?? ''].filter((name) => name !== '').join(' ');
  return first
    ? `<th scope="row" class="${classes}">${parts.join('')}</th>`
    : `<td class="${classes}">${parts.join('')}</td>`;
}

function isNumeric(cell: TableCell | undefined): boolean {
  if (cell === null || typeof cell === 'number') return true;
  return typeof cell === 'object' && (typeof cell.value === 'number' || cell.value === null);
}
