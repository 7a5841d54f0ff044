import { meanAndDeviation } from '@subtext/core';
import { nodeClasses, type Superposition } from '@subtext/decoder';

import { verdictWords } from '../audit/audit-sections';
import { probability } from '../comparison/comparison-tables';
import { formatInterval, formatValue } from '../report/format-value';
import type { TableCell, TableColumn } from '../report/table-section';
import type { FailingGraphs } from './failing-graphs';
import type { AnswerSeconds } from './measure-seconds';
import type { ChosenRun, RunFindings } from './run-findings';
import type { ExperimentSummary } from './summarize-experiment';

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

/** A table of an experiment's page. */
export interface ExperimentTable {
  title: string;
  caption: string;
  columns: TableColumn[];
  rows: TableCell[][];
}

const percent = (value: number) => formatValue({ value, format: 'percent', digits: 1 });
const right = (header: string): TableColumn => ({ header, align: 'right' });

/** Mean ± deviation over seeds; null without values. */
function spread(values: readonly (number | null | undefined)[], write: (value: number) => string = percent): TableCell {
  const present = values.filter((value): value is number => typeof value === 'number');
  if (present.length === 0 || present.length < values.length) return null;
  if (present.length === 1) return write(present[0]!);
  const { mean, deviation } = meanAndDeviation(present);
  return `${write(mean)} ± ${write(deviation)}`;
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

function scoresTable({ metric, cells }: ExperimentSummary): ExperimentTable {
  return {
    title: 'Scores',
    caption: 'Mean and deviation over seeds; tokens, thoughts and passes are means a question.',
    columns: [
      { header: 'what' },
      right(`${metric}, mean ± deviation`),
      { header: 'seeds' },
      right('by seed'),
      { header: 'tokens', digits: 1 },
      { header: 'without tags', digits: 1 },
      { header: 'thoughts', digits: 1 },
      { header: 'passes', digits: 1 },
      { header: 'unparseable', format: 'integer' },
      { header: 'failed', format: 'integer' },
    ],
    rows: cells.map((cell) => [
      cell.cell,
      `${percent(cell.mean)}${cell.deviation === null ? '' : ` ± ${percent(cell.deviation)}`}`,
      cell.seeds.join(', '),
      cell.scores.map(percent).join(', '),
      cell.generatedTokens,
      cell.generatedTokensWithoutTags,
      cell.thoughts,
      cell.forwardPasses,
      cell.unparseable,
      cell.failed,
    ]),
  };
}

function comparisonsTable({ comparisons, confidence }: ExperimentSummary): ExperimentTable {
  return {
    title: 'Tests',
    caption: `Models: two of one seed on the same questions (McNemar's test where scores are right or wrong, else the paired bootstrap). Methods: Student's paired t-test over seeds, its interval at ${formatValue({ value: confidence, format: 'percent', digits: 0 })} before correction. Holm's correction over each of the two families.`,
    columns: [
      { header: 'left − right' },
      right('difference'),
      right('models: p by seed, after Holm'),
      right('methods: interval over seeds'),
      right('p'),
      right('p after Holm'),
      { header: 'methods differ' },
    ],
    rows: comparisons.map(({ left, right: other, difference, models, method }) => [
      `${left} − ${other}`,
      percent(difference),
      models.map(({ adjustedPValue }) => probability(adjustedPValue)).join(', '),
      method && formatInterval({ interval: method.interval, format: 'percent', digits: 1 }),
      method && probability(method.pValue),
      method && probability(method.adjustedPValue),
      method === null ? 'cannot tell: one seed' : method.adjustedPValue < 1 - confidence ? 'yes' : 'not significant',
    ]),
  };
}

interface ByCell {
  cells: readonly string[];
  of: (cell: string) => RunFindings[];
  runs: readonly RunFindings[];
}

function kindsTables({ cells, of, runs }: ByCell): ExperimentTable[] {
  const kinds = Object.keys(runs[0]?.byKind ?? {});
  if (kinds.length === 0) return [];
  return [
    {
      title: 'By kind of question',
      caption: 'Mean and deviation over seeds.',
      columns: [{ header: 'what' }, ...kinds.map(right)],
      rows: cells.map((cell) => [cell, ...kinds.map((kind) => spread(of(cell).map(({ byKind }) => byKind[kind])))]),
    },
  ];
}

function secondsTables({ cells, of, runs, seconds }: ByCell & Pick<ExperimentFindings, 'seconds'>): ExperimentTable[] {
  const whole = (value: number) => formatValue({ value, digits: 0 });
  const answer = (cell: string, key: keyof AnswerSeconds) =>
    seconds?.[cell] === undefined ? null : 1000 * seconds[cell][key];
  const keys = ['alone', 'aloneProcessor', 'batched', 'batchedProcessor'] as const;
  const heads = ['alone, ms', 'alone, processor ms', 'in batches, ms', 'in batches, processor ms'];
  if (runs.every((run) => run.seconds === undefined) && seconds === undefined) return [];
  return [
    {
      title: 'Seconds',
      caption: `${seconds === undefined ? '' : 'An answer: the median of rounds in which the models of the first seed take turns. '}Training: by the wall's clock, and by the processor's over all threads. On a machine that does other work the processor's is the better guide.`,
      columns: [
        { header: 'what' },
        ...(seconds === undefined ? [] : heads.map((header) => ({ header, digits: 2 }))),
        right('steps'),
        right('training seconds'),
        right('processor seconds'),
      ],
      rows: cells.map((cell) => [
        cell,
        ...(seconds === undefined ? [] : keys.map((key) => answer(cell, key))),
        spread(
          of(cell).map(({ steps }) => steps),
          whole,
        ),
        spread(
          of(cell).map((run) => run.seconds),
          whole,
        ),
        spread(
          of(cell).map(({ processorSeconds }) => processorSeconds),
          whole,
        ),
      ]),
    },
  ];
}

function chosenTables(chosen: readonly ChosenRun[]): ExperimentTable[] {
  if (chosen.length === 0) return [];
  return [
    {
      title: 'Chosen models',
      caption:
        'Of each kind the seed that did best on questions kept for choosing, with its score on those and on the questions asked, which play no part in the choice.',
      columns: [
        { header: 'what' },
        { header: 'seed', format: 'integer' },
        right('where it was chosen'),
        right('on the questions'),
      ],
      rows: chosen.map(({ cell, seed, choice, score }) => [cell, seed, percent(choice), percent(score)]),
    },
  ];
}

function auditTables({ cells, of }: Pick<ByCell, 'cells' | 'of'>): ExperimentTable[] {
  const audited = cells.filter((cell) => of(cell).some(({ audit }) => audit !== undefined));
  if (audited.length === 0) return [];
  const columns = [
    [
      'thoughts removed',
      (one: NonNullable<RunFindings['audit']>['interventions'][number]) => one.kind === 'cut' && one.kept === 0,
    ],
    ["another question's", ({ kind }: { kind: string }) => kind === 'another'],
    ['own, in another order', ({ kind }: { kind: string }) => kind === 'permuted'],
    ['the mean thought', ({ kind }: { kind: string }) => kind === 'mean'],
  ] as const;
  return [
    {
      title: 'Are the thoughts used?',
      caption:
        'Accuracy where what later positions see of the thoughts is replaced while everything else stays: the audit of each run, mean and deviation over seeds. Follows: answers that became those of the thoughts that were swapped in. Stages: what exchanging one stage alone between examples shows.',
      columns: [
        { header: 'what' },
        right('own thoughts'),
        ...columns.map(([header]) => right(header)),
        right('swapped: follows'),
        { header: 'verdict by seed' },
        { header: 'stages by seed' },
      ],
      rows: audited.map((cell) => {
        const audits = of(cell).flatMap(({ audit }) => audit ?? []);
        return [
          cell,
          spread(audits.map(({ accuracy }) => accuracy.value)),
          ...columns.map(([, matches]) =>
            spread(audits.map(({ interventions }) => interventions.find(matches)?.accuracy)),
          ),
          spread(audits.map(({ interventions }) => interventions.find(({ kind }) => kind === 'swapped')?.follows)),
          audits.map(verdictWords).join(', '),
          audits
            .map(({ stages }) => stages.map((one) => `${one.stage}: ${verdictWords(one)}`).join('; ') || '–')
            .join(', '),
        ];
      }),
    },
  ];
}

function fewerTables({ cells, of, runs }: ByCell): ExperimentTable[] {
  const kinds = Object.keys(runs[0]?.byKind ?? {});
  const rows = cells.flatMap((cell) => {
    const measured = of(cell).flatMap(({ fewer }) => (fewer === undefined ? [] : [fewer]));
    return (measured[0] ?? []).map(({ thoughts }, index): TableCell[] => [
      cell,
      thoughts,
      spread(measured.map((fewer) => fewer[index]?.score)),
      ...kinds.map((kind) => spread(measured.map((fewer) => fewer[index]?.byKind[kind]))),
    ]);
  });
  if (rows.length === 0) return [];
  return [
    {
      title: 'How many thoughts',
      caption: 'The same models with a fixed number of thoughts in every question.',
      columns: [{ header: 'what' }, { header: 'thoughts', format: 'integer' }, right('score'), ...kinds.map(right)],
      rows,
    },
  ];
}

function drawnTables({ cells, of }: Omit<ByCell, 'runs'>): ExperimentTable[] {
  const rows = cells.flatMap((cell): TableCell[][] => {
    const measured = of(cell).filter(({ drawn }) => drawn !== undefined);
    if (measured.length === 0) return [];
    const difference = (value: number) => (100 * value).toFixed(1);
    return [
      [
        cell,
        spread(measured.map(({ score }) => score)),
        spread(measured.map(({ drawn }) => drawn)),
        spread(
          measured.map(({ drawn, score }) => drawn! - score),
          difference,
        ),
      ],
    ];
  });
  if (rows.length === 0) return [];
  return [
    {
      title: 'Thoughts drawn by chance',
      caption:
        'The same questions and models with thoughts that are drawn, as they are in training by rewards; the text is greedy.',
      columns: [{ header: 'what' }, right('score'), right('with drawn thoughts'), right('points more')],
      rows,
    },
  ];
}

function recurrencesTables({ cells, of }: ByCell): ExperimentTable[] {
  const measured = cells.flatMap((cell) => {
    const found = of(cell).flatMap(({ recurrences }) => (recurrences === undefined ? [] : [recurrences]));
    return found.length === 0 ? [] : [{ cell, found }];
  });
  const counts = [...new Set(measured.flatMap(({ found }) => found.flat().map(({ recurrences }) => recurrences)))];
  if (counts.length === 0) return [];
  return [
    {
      title: 'How many recurrences',
      caption:
        'The same models with another number of recurrences in every question: score, mean ± deviation over seeds.',
      columns: [{ header: 'what' }, ...counts.map((count) => right(String(count)))],
      rows: measured.map(({ cell, found }) => [
        cell,
        ...counts.map((count) =>
          spread(found.map((one) => one.find(({ recurrences }) => recurrences === count)?.score)),
        ),
      ]),
    },
  ];
}

function factorsTables({ cells, of }: ByCell): ExperimentTable[] {
  const rows = cells.flatMap((cell) => {
    const found = of(cell).flatMap(({ factors }) => (factors === undefined ? [] : [factors]));
    const every = [...new Set(found.flat().map(({ factor }) => factor))];
    return every.map((factor) => {
      const own = found.map((one) => one.find((measured) => measured.factor === factor));
      const thoughts = own.flatMap((one) => (one === undefined ? [] : [one.thoughts]));
      return [
        cell,
        factor,
        thoughts.reduce((sum, value) => sum + value, 0) / thoughts.length,
        spread(own.map((one) => one?.score)),
      ];
    });
  });
  if (rows.length === 0) return [];
  return [
    {
      title: 'How many tokens a thought stands for',
      caption:
        'The same models asked with each compression factor: mean thoughts of an answer, and score, mean ± deviation over seeds.',
      columns: [{ header: 'what' }, right('factor'), right('thoughts'), right('score')],
      rows,
    },
  ];
}

function nodesTable({ cell, seed, superposition }: NonNullable<ExperimentFindings['nodes']>[number]): ExperimentTable {
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

function failingTable({ cell, seeds, questions, rows }: FailingGraphs): ExperimentTable {
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
