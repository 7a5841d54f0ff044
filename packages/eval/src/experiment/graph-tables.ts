import { nodeClasses, type Superposition } from '@subtext/decoder';

import type { TableCell } from '../report/table-section';
import type { ExperimentFindings } from './experiment-tables';
import type { FailingGraphs } from './failing-graphs';
import { type ExperimentTable, percent, right } from './table-cells';

export function nodesTable({
  cell,
  seed,
  superposition,
}: NonNullable<ExperimentFindings['nodes']>[number]): ExperimentTable {
  const row = (name: string, classes: Superposition['overall'], above: number | null): TableCell[] => [
    name,
    ...nodeClasses.map((kind) => {
      const found = classes[kind];
      return found ? `${found.mean.toFixed(2)} ± ${found.standardError.toFixed(2)}` : null;
    }),
    above === null ? null : percent(above),
  ];
  return {
    title: `What the thoughts of ${cell} hold`,
    caption: `Seed ${seed}: dot products of the thoughts with the nodes' embeddings, by what a node is to the thought, mean ± standard error over ${superposition.questions} questions.`,
    columns: [{ header: 'thought' }, ...nodeClasses.map(right), right('optimal above every unreachable node')],
    rows: [
      ...superposition.thoughts.map(({ thought, classes, aboveUnreachable }) =>
        row(String(thought), classes, aboveUnreachable.optimal),
      ),
      row('all', superposition.overall, null),
    ],
  };
}

/** How many of the largest differences a page shows. */
const SHOWN_DIFFERENCES = 12;

export function failingTable({ cell, seeds, questions, rows }: FailingGraphs): ExperimentTable {
  const { failed, failedByAll, right: answered } = questions;
  return {
    title: `Graphs on which ${cell} fails`,
    caption: `Means over the ${failed} questions that any of ${seeds} seeds failed (${failedByAll} failed with all) and over the ${answered} that none did; the largest of ${rows.length} differences, in standard errors (Welch). With so many measures one of ±3 may be chance.`,
    columns: [
      { header: 'measure' },
      { header: 'failed', digits: 3 },
      { header: 'right', digits: 3 },
      { header: 'difference in standard errors', digits: 1 },
    ],
    rows: rows
      .slice(0, SHOWN_DIFFERENCES)
      .map(({ measure, standardErrors, ...means }) => [measure, means.failed, means.right, standardErrors]),
  };
}
