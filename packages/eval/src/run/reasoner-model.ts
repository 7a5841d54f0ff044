import type { Answer, Question, Reasoner } from '@subtext/reasoner';

import { EvaluationError } from '../errors';
import type { AnsweringModel, ModelAnswer } from './evaluate-task';
import { sampleSeed } from './sample-seed';

/**
 * A reasoner as a model that answers a task's questions: greedily, or with a temperature by draws of a seed. Drawn
 * answers are made one question at a time, each with a seed of its own, so that they depend neither on the batch nor on
 * where a broken run went on.
 */
export function reasonerModel({
  reasoner,
  maximumTokens,
  temperature = 0,
  seed = 0,
  change,
  signal,
}: {
  reasoner: Pick<Reasoner, 'think'>;
  /** Most tokens of a response. @default the reasoner's own limit */
  maximumTokens?: number;
  /** @default 0: greedy */
  temperature?: number;
  /** Of the draws. @default 0 */
  seed?: number;
  /** What is done to the thoughts of answers, such as steering; what comes after them is greedy. @default nothing */
  change?: (answered: { questions: readonly Question[]; answers: readonly Answer[] }) => Promise<Answer[]>;
  /** Stops generation. */
  signal?: AbortSignal;
}): AnsweringModel {
  if (change !== undefined && temperature > 0)
    throw new EvaluationError({
      code: 'invalid-option',
      message: 'Where thoughts are changed, what comes after them is not drawn. Leave the temperature at 0.',
    });
  return {
    async answer({ examples, prompts }) {
      const questions = examples.map(({ image }, index) => ({
        question: prompts[index] as string,
        ...(image === undefined ? {} : { image }),
      }));
      const options = {
        ...(maximumTokens === undefined ? {} : { maxNewTokens: maximumTokens }),
        ...(signal === undefined ? {} : { signal }),
      };
      const answers: Answer[] = [];
      if (temperature === 0) {
        const own = await reasoner.think({ questions, batchSize: questions.length, ...options });
        answers.push(...(change ? await change({ questions, answers: own }) : own));
      } else {
        for (const [index, question] of questions.entries()) {
          answers.push(
            ...(await reasoner.think({
              questions: [question],
              temperature,
              seed: sampleSeed({ seed, id: examples[index]?.id }),
              ...options,
            })),
          );
        }
      }
      // What was cut short by the signal is no answer.
      signal?.throwIfAborted();
      return answersOf(answers);
    },
  };
}

/** A reasoner's answers as an evaluation scores them. */
export function answersOf(answers: readonly Answer[]): ModelAnswer[] {
  return answers.map(({ text, answer, tokens, passes }) => ({
    output: text,
    answer: answer ?? null,
    generatedTokens: tokens.generated,
    generatedTokensWithoutTags: tokens.withoutTags,
    thoughts: tokens.thinking,
    forwardPasses: passes,
  }));
}
