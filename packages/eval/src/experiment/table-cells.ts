import { meanAndDeviation } from '@subtext/core';

import { formatValue } from '../report/format-value';
import type { TableCell, TableColumn } from '../report/table-section';
import type { RunFindings } from './run-findings';

/** A table of an experiment's page. */
export interface ExperimentTable {
  title: string;
  caption: string;
  columns: TableColumn[];
  rows: TableCell[][];
}

/** What tables of a row for each cell are made of. */
export interface ByCell {
  cells: readonly string[];
  /** The runs of a cell. */
  of: (cell: string) => RunFindings[];
  runs: readonly RunFindings[];
}

export const percent = (value: number) => formatValue({ value, format: 'percent', digits: 1 });
export const right = (header: string): TableColumn => ({ header, align: 'right' });

/** Mean ± deviation over seeds; null without values. */
export function spread(
  values: readonly (number | null | undefined)[],
  write: (value: number) => string = percent,
): TableCell {
  const present = values.filter((value): value is number => typeof value === 'number');
  if (present.length === 0 || present.length < values.length) return null;
  if (present.length === 1) return write(present[0]!);
  const { mean, deviation } = meanAndDeviation(present);
  return `${write(mean)} ± ${write(deviation)}`;
}
