import type { Estimate } from '@subtext/core';
import type { Peers } from '@subtext/core/node';
import type { CounterfactualAnswer, ReasoningExample } from '@subtext/data';
import type { ThoughtStates } from '@subtext/decoder';
import { type Answer, type Question, type Reasoner, readThoughts } from '@subtext/reasoner';

import { inBatches } from '../run/in-batches';
import type { EvaluationTask } from '../tasks/evaluation-task';
import { type ChosenEdit, type ChosenEdits, chooseEdits, sameAnswer, textOf } from './choose-edits';
import { shareOf } from './measure-interventions';
import type { OwnResponses } from './own-responses';
import { returnedThoughts, type ReturnedThoughts } from './returned-thoughts';

/** A share with the number of examples that it was measured on. */
export interface CountedShare extends Estimate {
  count: number;
}

/** What telling a stage in words does. */
export interface WordsAudit {
  stage: string;
  /** What was told: the stage with one fact changed, or what another example's stage says. */
  edit: ChosenEdits['edit'];
  /** Of edits after which another answer follows, the share that is answered so; null where the data tells of none. */
  follows: CountedShare | null;
  /** Of edits after which the answer stays, the share that is answered as before; null where there are none. */
  stays: CountedShare | null;
  /** Of examples that are told their own stage's words, the share that is answered as without; null where none has any. */
  ownWords: CountedShare | null;
  /** How near the thoughts of the true words come to the model's own, as they are read (states). */
  read: ReturnedThoughts | null;
  /** The same, as later positions see them (keys and values). */
  seen: ReturnedThoughts | null;
}

/** Options of {@link auditWords}. */
export interface AuditWordsOptions {
  reasoner: Reasoner;
  task: Pick<EvaluationTask, 'prompt' | 'score'>;
  examples: readonly ReasoningExample[];
  /** What it answers by itself. */
  responses: OwnResponses;
  /** What follows from another example's stage, in the writing of answers. @default nothing is known */
  counterfactual?: CounterfactualAnswer;
  /** Examples side by side. @default 32 */
  batch?: number;
  /** The processes that audit together. @default this one by itself */
  peers?: Peers;
  /** Of the choice of edits and partners. @default 0 */
  seed?: number;
  /** Called for each edit. @default none */
  onEdit?: (edit: {
    stage: string;
    example: ReasoningExample;
    /** What was told, for people. */
    change: string;
    /** The answer that follows. */
    expected: string | null;
    answer: string | null;
  }) => void;
  /** Called after each stage. @default none */
  onProgress?: (progress: { done: number; total: number; name?: string }) => void;
  signal?: AbortSignal;
}

/**
 * Measures what a model that makes thoughts from words does with them, stage by stage: its thoughts are replaced by those of
 * edited words, the rest of the chain and the answer are made from them, and the answer is held against the one that the
 * data says follows. Where the data knows the facts of the stage, one fact is changed, once so that the answer changes and
 * once so that it does not; else the stage is told in another example's words. Only examples that are answered rightly count.
 *
 * @returns empty for a reasoner that was not trained to make thoughts from words
 */
export async function auditWords(options: AuditWordsOptions): Promise<WordsAudit[]> {
  const { reasoner, onProgress } = options;
  if (reasoner.method.thinksFromWords !== true) return [];
  const { hiddenStages } = reasoner.settings;
  const audits: WordsAudit[] = [];
  for (const [index, stage] of hiddenStages.entries()) {
    const audit = await auditStage({ ...options, stage });
    if (audit) audits.push(audit);
    onProgress?.({ done: index + 1, total: hiddenStages.length, name: stage });
  }
  return audits;
}

async function auditStage({
  reasoner,
  task,
  examples,
  responses,
  counterfactual,
  batch = 32,
  peers,
  seed = 0,
  onEdit,
  signal,
  stage,
}: AuditWordsOptions & { stage: string }): Promise<WordsAudit | null> {
  const kept = examples.filter((example) => textOf(example, stage)?.trim());
  if (kept.length === 0) return null;
  const own = await responses.of(kept);
  const extract = ({ answer }: Pick<Answer, 'answer'>, example: ReasoningExample) =>
    task.score({ prediction: answer ?? null, example });
  const dealt = { batch, peers, signal };
  const before = own.map(({ answer }, row) => extract(answer, kept[row]!));
  /** Answers some examples, told words in place of the stage's thoughts. */
  const tell = async (told: readonly { row: number; text: string }[]) => {
    const questions = told.map(({ row, text }): Question => ({ ...own[row]!.question, words: { [stage]: text } }));
    const answers = await inBatches({
      ...dealt,
      items: questions,
      work: (group) => reasoner.think({ questions: group, batchSize: batch, ...(signal && { signal }) }),
    });
    return {
      questions,
      answers,
      extracted: answers.map((answer, at) => extract(answer, kept[told[at]!.row]!).extracted),
    };
  };
  const counted = (flags: boolean[]): CountedShare | null =>
    flags.length === 0 ? null : { count: flags.length, ...shareOf({ flags }) };

  const toldOwn = await tell(kept.map((example, row) => ({ row, text: textOf(example, stage)! })));
  const ownWords = counted(
    [...kept.keys()].flatMap((row) =>
      before[row]!.correct ? [sameAnswer(toldOwn.extracted[row]!, before[row]!.extracted)] : [],
    ),
  );

  const { edit, changing, sparing } = chooseEdits({
    examples: kept,
    rows: [...kept.keys()].filter((row) => before[row]!.correct),
    stage,
    ...(counterfactual && { counterfactual }),
    seed,
  });
  const expected = (list: readonly ChosenEdit[]) =>
    list.map(({ row, answer }) => task.score({ prediction: answer, example: kept[row]! }).extracted);
  const answersOf = async (list: readonly ChosenEdit[]) => (list.length === 0 ? [] : (await tell(list)).extracted);
  const [changed, spared] = [await answersOf(changing), await answersOf(sparing)];
  const [follow, stay] = [expected(changing), expected(sparing)];
  for (const [list, truths, answers] of [
    [changing, follow, changed],
    [sparing, stay, spared],
  ] as const)
    for (const [place, { row, change }] of list.entries())
      onEdit?.({ stage, example: kept[row]!, change, expected: truths[place]!, answer: answers[place]! });

  const seenOf = async (questions: readonly Question[], answers: readonly Answer[]): Promise<ThoughtStates[]> =>
    await inBatches({
      ...dealt,
      items: questions,
      work: async (group, start) => {
        const own = answers.slice(start, start + group.length);
        const read = { reasoner, questions: group, answers: own, batchSize: batch, ...(signal && { signal }) };
        return (await readThoughts(read)).map((thoughts) =>
          thoughts.filter((thought) => thought.stage === stage).map(({ state }) => state),
        );
      },
    });
  const statesOf = (answers: readonly Answer[]): ThoughtStates[] =>
    answers.map(({ thoughts }) => thoughts.filter((thought) => thought.stage === stage).map(({ hidden }) => hidden));
  const ownAnswers = own.map(({ answer }) => answer);
  const texts = kept.map((example) => textOf(example, stage)!);
  return {
    stage,
    edit,
    follows: counted(changed.map((answer, place) => sameAnswer(answer, follow[place]!))),
    stays: counted(spared.map((answer, place) => sameAnswer(answer, stay[place]!))),
    ownWords,
    read: returnedThoughts({ thoughts: statesOf(ownAnswers), fromWords: statesOf(toldOwn.answers), texts, seed }),
    seen: returnedThoughts({
      thoughts: await seenOf(
        own.map(({ question }) => question),
        ownAnswers,
      ),
      fromWords: await seenOf(toldOwn.questions, toldOwn.answers),
      texts,
      seed,
    }),
  };
}
