import type { Superposition } from '@subtext/decoder';

import type { FailingGraphs } from './failing-graphs';
import { failingTable, nodesTable } from './graph-tables';
import type { AnswerSeconds } from './measure-seconds';
import type { ChosenRun, RunFindings } from './run-findings';
import { chosenTables, comparisonsTable, kindsTables, scoresTable, secondsTables } from './score-tables';
import type { ExperimentSummary } from './summarize-experiment';
import type { ExperimentTable } from './table-cells';
import { auditTables, drawnTables, factorsTables, fewerTables, recurrencesTables } from './thought-tables';

/** All that an experiment found. */
export interface ExperimentFindings {
  summary: ExperimentSummary;
  /** In the order of the runs. @default none */
  runs?: readonly RunFindings[];
  /** Seconds an answer of each cell's first seed. @default not measured */
  seconds?: Record<string, AnswerSeconds>;
  /** Runs chosen by questions of their own. @default none */
  chosen?: readonly ChosenRun[];
  /** What a run's thoughts hold of the graphs' nodes. @default not measured */
  nodes?: readonly { cell: string; seed: number; superposition: Superposition }[];
  /** What is different about the graphs that fail. @default not measured */
  failing?: readonly FailingGraphs[];
}

/** The tables of an experiment, in the order of its page; those that nothing was measured for are left out. */
export function experimentTables({
  summary,
  runs = [],
  seconds,
  chosen = [],
  nodes = [],
  failing = [],
}: ExperimentFindings): ExperimentTable[] {
  const cells = summary.cells.map(({ cell }) => cell);
  const of = (cell: string) => runs.filter((run) => run.cell === cell);
  return [
    scoresTable(summary),
    ...(summary.comparisons.length > 0 ? [comparisonsTable(summary)] : []),
    ...kindsTables({ cells, of, runs }),
    ...secondsTables({ cells, of, runs, seconds }),
    ...chosenTables(chosen),
    ...auditTables({ cells, of }),
    ...fewerTables({ cells, of, runs }),
    ...drawnTables({ cells, of }),
    ...recurrencesTables({ cells, of, runs }),
    ...factorsTables({ cells, of, runs }),
    ...nodes.map(nodesTable),
    ...failing.map(failingTable),
  ];
}
