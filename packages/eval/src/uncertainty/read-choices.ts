import type { Answer, Reasoner } from '@subtext/reasoner';

import { EvaluationError } from '../errors';
import type { EvaluationListener } from '../run/evaluation-event';
import type { AskedQuestions } from './asked-questions';
import { answerChoice, type Choice, labelDistributions, labelIds, stageChoice } from './label-distributions';
import type { ReadDistributions } from './uncertainty-reading';

/** What is read of a reasoner's responses. */
interface ReadResponses {
  reasoner: Reasoner;
  measured: AskedQuestions;
  label: string;
  labels: readonly string[];
  /** The stage in whose text a label is looked for. */
  step?: string;
  batch: number;
  onEvent?: EvaluationListener;
  signal?: AbortSignal;
}

/** What the model itself says where its responses choose a label, before it does; and what it then wrote, as certain. */
export async function readChoices(options: ReadResponses): Promise<ReadDistributions[]> {
  const { reasoner, measured, labels, batch, signal } = options;
  const found = placeOf(options);
  if (found === undefined) return [];
  const { place, find } = found;
  const choices = measured.answers.map(find);
  const usable = choices.flatMap((choice, row) => (choice === undefined ? [] : [{ ...choice, row }]));
  const said = await labelDistributions({
    reasoner,
    questions: usable.map(({ row }) => measured.questions[row]!),
    answers: usable.map(({ row }) => measured.answers[row]!),
    before: usable.map(({ before }) => before),
    ids: labelIds({ reasoner, labels }),
    batch,
    signal,
  });
  const byRow = new Map(usable.map(({ row }, at) => [row, said[at]!]));
  return [
    {
      ...{ source: 'model', name: `the model itself at ${place}, before it chooses` },
      ...unreadIn(choices.map((choice) => choice !== undefined)),
      read: choices.map((_, row) => byRow.get(row) ?? evenly(labels)),
    },
    {
      ...{ source: 'written', name: `${place} as written` },
      ...unreadIn(choices.map((choice) => choice !== undefined && choice.label >= 0)),
      read: choices.map((choice) => certain({ labels, label: choice?.label ?? -1 })),
    },
  ];
}

/** How often responses that are sampled at temperature 1 say each label. */
export async function readChains({
  chains,
  seed,
  ...options
}: ReadResponses & { chains: number; seed: number }): Promise<ReadDistributions> {
  const { reasoner, measured, labels, batch, onEvent, signal } = options;
  const found = placeOf(options);
  if (found === undefined)
    throw new EvaluationError({
      code: 'invalid-option',
      message: `Where do responses say their ${options.label}? Name the stage (--step), or leave the sampled responses out.`,
    });
  const { place, find } = found;
  const counts = measured.questions.map(() => labels.map(() => 0));
  for (let chain = 0; chain < chains; chain++) {
    const answers = await reasoner.think({
      questions: measured.questions,
      batchSize: batch,
      temperature: 1,
      // Rows draw by the seed plus their place.
      seed: seed + (chain + 1) * (measured.questions.length + 1),
      signal,
    });
    for (const [row, answer] of answers.entries()) {
      const label = find(answer)?.label ?? -1;
      if (label >= 0) counts[row]![label]! += 1;
    }
    onEvent?.({ event: 'progress', label: 'sampled responses', done: chain + 1, total: chains });
  }
  const totals = counts.map((own) => own.reduce((sum, count) => sum + count, 0));
  return {
    ...{ source: 'chains', name: `${place}, how often ${chains} sampled responses say it` },
    ...unreadIn(totals.map((total) => total > 0)),
    read: counts.map((own, row) => own.map((count) => (totals[row]! > 0 ? count / totals[row]! : 1 / labels.length))),
  };
}

/** Where a label is looked for: in the text of a stage, else where the answer stands, if that is the label. */
function placeOf({
  reasoner,
  label,
  labels,
  step,
}: ReadResponses): { place: string; find: (answer: Answer) => Choice | undefined } | undefined {
  if (step !== undefined) {
    const ids = labelIds({ reasoner, labels });
    return { place: step, find: (answer) => stageChoice({ reasoner, answer, ids, stage: step }) };
  }
  if (label !== 'answer') return undefined;
  return { place: 'the answer', find: (answer) => answerChoice({ reasoner, answer, labels }) };
}

function evenly(labels: readonly string[]): number[] {
  return labels.map(() => 1 / labels.length);
}

function certain({ labels, label }: { labels: readonly string[]; label: number }): number[] {
  return label < 0 ? evenly(labels) : labels.map((_, index) => (index === label ? 1 : 0));
}

function unreadIn(found: readonly boolean[]): { unread?: number } {
  const unread = found.filter((one) => !one).length;
  return unread === 0 ? {} : { unread };
}
