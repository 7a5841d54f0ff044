import type { Answer, Question, Reasoner, ThoughtSampler } from '@subtext/reasoner';

import { EvaluationError } from '../errors';
import type { AnsweringModel, ModelAnswer } from './evaluate-task';
import { sampleSeed } from './sample-seed';

/**
 * A reasoner as a model that answers a task's questions: greedily, or with a temperature or drawn thoughts by a seed. Drawn
 * answers are made one question at a time, each with a seed of its own, so that they depend neither on the batch nor on
 * where a broken run went on.
 */
export function reasonerModel({
  reasoner,
  maximumTokens,
  temperature = 0,
  seed = 0,
  sampler,
  recurrences,
  haltFrom,
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
  /** Opens what draws continuous thoughts, by the same seed. @default they are not drawn */
  sampler?: () => Promise<ThoughtSampler | undefined>;
  /** How often the core of a recurrent reasoner is run. @default as its method says */
  recurrences?: number;
  /** A recurrent reasoner halts once it finds its answer right with this probability. @default it takes all its recurrences */
  haltFrom?: number;
  /** What is done to the thoughts of answers, such as steering; what comes after them is greedy. @default nothing */
  change?: (answered: { questions: readonly Question[]; answers: readonly Answer[] }) => Promise<Answer[]>;
  /** Stops generation. */
  signal?: AbortSignal;
}): AnsweringModel {
  const draws = temperature > 0 || sampler !== undefined;
  if (change !== undefined && draws)
    throw new EvaluationError({
      code: 'invalid-option',
      message:
        'Where thoughts are changed, neither they nor what comes after them is drawn. Leave the temperature at 0, and thoughts as they are.',
    });
  let opened: Promise<ThoughtSampler | undefined> | undefined;
  return {
    async answer({ examples, prompts }) {
      const questions = examples.map(({ image }, index) => ({
        question: prompts[index] as string,
        ...(image === undefined ? {} : { image }),
      }));
      const options = {
        ...(maximumTokens === undefined ? {} : { maxNewTokens: maximumTokens }),
        ...(recurrences === undefined ? {} : { recurrences }),
        ...(haltFrom === undefined ? {} : { haltFrom }),
        ...(signal === undefined ? {} : { signal }),
      };
      const answers: Answer[] = [];
      if (!draws) {
        const own = await reasoner.think({ questions, batchSize: questions.length, ...options });
        answers.push(...(change ? await change({ questions, answers: own }) : own));
      } else {
        const thoughts = await (opened ??= sampler?.());
        for (const [index, question] of questions.entries()) {
          const own = sampleSeed({ seed, id: examples[index]?.id });
          answers.push(
            ...(await reasoner.think({
              questions: [question],
              temperature,
              seed: own,
              nextInput: thoughts?.draws([own]).nextInput,
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
