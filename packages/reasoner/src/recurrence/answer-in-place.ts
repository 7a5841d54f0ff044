import type { Answer } from '../reasoner/answer';
import type { Question, Reasoner } from '../reasoner/reasoner';
import { runRecurrences, type RecurrentRun, type RunRecurrencesOptions } from './run-recurrences';

/** Answers questions by recurrent depth, side by side. */
export async function answerInPlace({
  reasoner,
  questions,
  ...options
}: Pick<RunRecurrencesOptions, 'recurrences' | 'haltFrom' | 'signal'> & {
  reasoner: Reasoner;
  questions: readonly Question[];
}): Promise<Answer[]> {
  const runs = await runRecurrences({ reasoner, questions, ...options });
  return runs.map((run) => readRun({ reasoner, run }));
}

/** A run as an answer: what is said after the last recurrence, and after each. */
export function readRun({ reasoner, run: { prompt, readings } }: { reasoner: Reasoner; run: RecurrentRun }): Answer {
  const texts = readings.map(({ ids }) => reasoner.tokenizer.decode(ids, { skipSpecialTokens: false }).trim());
  const { ids } = readings.at(-1)!;
  const text = texts.at(-1)!;
  return {
    text,
    answer: text,
    stages: [],
    thoughts: [],
    prompt,
    ids,
    tokens: { generated: ids.length, withoutTags: ids.length, thinking: readings.length },
    passes: readings.length,
    finished: true,
    recurrences: readings.map(({ right, moved }, index) => ({ answer: texts[index]!, right, moved })),
  };
}
