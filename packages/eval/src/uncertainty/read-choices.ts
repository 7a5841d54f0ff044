import { trainSoftmaxProbe } from '@subtext/decoder';
import type { Answer, Question, Reasoner } from '@subtext/reasoner';

import { EvaluationError } from '../errors';
import type { EvaluationListener } from '../run/evaluation-event';
import type { AskedQuestions } from './asked-questions';
import {
  answerChoice,
  type Choice,
  choiceStates,
  labelDistributions,
  labelIds,
  stageChoice,
} from './label-distributions';
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

/**
 * What the model itself says where its responses choose a label, before it does; what a reader says of the state in which it
 * chooses; and what it then wrote, as certain.
 */
export async function readChoices({
  training,
  units,
  ...options
}: ReadResponses & {
  training: AskedQuestions;
  /** Hidden units of the reader. */
  units: number;
}): Promise<ReadDistributions[]> {
  const { reasoner, measured, labels, batch, signal } = options;
  const found = placeOf(options);
  if (found === undefined) return [];
  const { place, find } = found;
  const choices = measured.answers.map(find);
  const [own, others] = [chosenIn({ asked: measured, find }), chosenIn({ asked: training, find })];
  const shared = { reasoner, batch, signal };
  const said = await labelDistributions({ ...shared, ...own, ids: labelIds({ reasoner, labels }) });
  const spread = (read: readonly number[][]) => {
    const byRow = new Map(own.rows.map((row, at) => [row, read[at]!]));
    return choices.map((_, row) => byRow.get(row) ?? evenly(labels));
  };
  const unread = unreadIn(choices.map((choice) => choice !== undefined));
  const readings: ReadDistributions[] = [
    { ...{ source: 'model', name: `the model itself at ${place}, before it chooses` }, ...unread, read: spread(said) },
  ];
  const states = await choiceStates({ ...shared, ...others });
  const drawn = others.rows.map((row) => training.drawn[row]!);
  if (new Set(drawn).size > 1) {
    const probe = trainSoftmaxProbe({ states, labels: drawn, known: labels, units });
    readings.push({
      ...{ source: 'choice', name: `the state at ${place} in which the model chooses` },
      ...unread,
      read: spread((await choiceStates({ ...shared, ...own })).map((state) => probe.read(state))),
    });
  }
  readings.push({
    ...{ source: 'written', name: `${place} as written` },
    ...unreadIn(choices.map((choice) => choice !== undefined && choice.label >= 0)),
    read: choices.map((choice) => certain({ labels, label: choice?.label ?? -1 })),
  });
  return readings;
}

/** The questions in whose answers a choice is found, with what stands before it. */
function chosenIn({
  asked: { questions, answers },
  find,
}: {
  asked: AskedQuestions;
  find: (answer: Answer) => Choice | undefined;
}): { rows: number[]; questions: Question[]; answers: Answer[]; before: number[][] } {
  const usable = answers.flatMap((answer, row) => {
    const choice = find(answer);
    return choice === undefined ? [] : [{ row, answer, question: questions[row]!, before: choice.before }];
  });
  return {
    rows: usable.map(({ row }) => row),
    questions: usable.map(({ question }) => question),
    answers: usable.map(({ answer }) => answer),
    before: usable.map(({ before }) => before),
  };
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
