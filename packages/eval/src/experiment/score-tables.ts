import { probability } from '../comparison/comparison-tables';
import { formatInterval, formatValue } from '../report/format-value';
import type { ExperimentFindings } from './experiment-tables';
import type { AnswerSeconds } from './measure-seconds';
import type { ChosenRun } from './run-findings';
import type { ExperimentSummary } from './summarize-experiment';
import { type ByCell, type ExperimentTable, percent, right, spread } from './table-cells';

export function scoresTable({ metric, cells }: ExperimentSummary): ExperimentTable {
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

export function comparisonsTable({ comparisons, confidence }: ExperimentSummary): ExperimentTable {
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

export function kindsTables({ cells, of, runs }: ByCell): ExperimentTable[] {
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

export function secondsTables({
  cells,
  of,
  runs,
  seconds,
}: ByCell & Pick<ExperimentFindings, 'seconds'>): ExperimentTable[] {
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

export function chosenTables(chosen: readonly ChosenRun[]): ExperimentTable[] {
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
