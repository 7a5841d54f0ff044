import type { ReasoningExample } from '@subtext/data';
import { z } from 'zod';

import { randomAt } from '../batches/counter-random';
import { ReasonerError } from '../errors';
import { asWritten, checkCount } from './check-option';
import { latentTokens } from './latent-prompt';
import { count } from './option-schemas';
import {
  IGNORED_LABEL,
  type HaltingMarks,
  type LayoutContext,
  type ReasoningMethod,
  type RightAnswer,
} from './reasoning-method';
import { idsOf } from './text-ids';

export const recurrentOptions = z.strictObject({
  /** The most recurrences in training, and those of an answer that is not told how many. */
  recurrences: count.describe('the most recurrences in training, and those of answers').default(8),
  /** Phases of 1, 2, 4 … recurrences before the last, of all. */
  growing: z.boolean().describe('phases of 1, 2, 4 … recurrences before the last').default(false),
  /** Whether a step of training takes a number of recurrences drawn evenly from 1 to the phase's. */
  sampled: z.boolean().describe("whether training draws from 1 to the phase's recurrences").default(true),
  /** The last recurrences of a pass, through which gradients go (truncated backpropagation). */
  gradientSteps: count.describe('the last recurrences, through which gradients go').default(4),
  /** Which of these recurrences learn the answer: every one (deep supervision) or the last alone. */
  supervision: z.enum(['every', 'last']).describe('which of them learn the answer').default('every'),
  /** Weight of learning to tell whether the answer is right, by which answering may halt; 0: not learned. */
  haltingWeight: z.number().min(0).describe('of learning whether the answer is right').default(0.1),
});
export type RecurrentOptions = z.input<typeof recurrentOptions>;
const defaults = recurrentOptions.parse({});

/**
 * Recurrent depth: a model with a core that is run again and again (Huginn, arXiv 2502.05171) reads the question at once, and
 * after any number of recurrences each part of the answer stands at its place: the answer has as many tokens as the question.
 * A step of training draws how many recurrences it takes; gradients go through the last of them, and, as in TRM (arXiv
 * 2510.04871), each of these learns the answer (deep supervision) and whether what it says is right, by which answering may
 * halt: `σ(ℓ_stop − ℓ_more)` at the end of the question, ℓ being the logits of `<|end-latent|>` and `<|latent|>`.
 */
export function recurrent({
  recurrences = defaults.recurrences,
  growing = defaults.growing,
  sampled = defaults.sampled,
  gradientSteps = defaults.gradientSteps,
  supervision = defaults.supervision,
  haltingWeight = defaults.haltingWeight,
}: RecurrentOptions = {}): ReasoningMethod {
  const method = 'recurrent';
  checkCount({ method, option: 'recurrences', value: recurrences });
  checkCount({ method, option: 'gradientSteps', value: gradientSteps });
  if (!(haltingWeight >= 0))
    throw new ReasonerError({
      code: 'invalid-option',
      message: `The method "${method}" takes a number from 0 up as haltingWeight, not ${asWritten(haltingWeight)}.`,
    });
  const marks = ({ tokenizer }: LayoutContext): HaltingMarks => ({
    more: tokenizer.idOf(latentTokens.latent),
    stop: tokenizer.idOf(latentTokens.end),
  });

  const prompt = ({ example, context }: { example: Pick<ReasoningExample, 'question'>; context: LayoutContext }) => [
    ...(context.prefix ?? []),
    ...idsOf({ tokenizer: context.tokenizer, text: example.question }),
    context.endId,
  ];

  return {
    name: method,
    recurrences,
    objectives: [{ name: 'recurrence', options: { supervision, haltingWeight } }],
    thoughtStages: () => [],
    lastStages: () => [],
    specialTokens: () => [latentTokens.latent, latentTokens.end],

    curriculum() {
      const levels: number[] = [];
      for (let level = 1; growing && level < recurrences; level *= 2) levels.push(level);
      return [...levels, recurrences].map((level, index) => ({
        name: `${sampled && level > 1 ? 'up to ' : ''}${level} ${level === 1 ? 'recurrence' : 'recurrences'}`,
        index,
        hiddenStages: [],
        kind: 'encode',
        level,
      }));
    },

    layout({ example, phase, context, counters }) {
      const ids = prompt({ example, context });
      const answer = idsOf({ tokenizer: context.tokenizer, text: example.answer });
      const before = context.prefix?.length ?? 0;
      const asked = ids.length - before - 1;
      if (answer.length !== asked)
        throw new ReasonerError({
          code: 'invalid-option',
          message: `The example ${example.id} has a question of ${asked} tokens and an answer of ${answer.length}: the method "${method}" reads each token of the answer at its place in the question. Take data whose answers are as long as their questions, such as sudoku and maze.`,
        });
      const most = phase.level ?? recurrences;
      // One number for the whole batch: the row is left out of the counters.
      const steps = counters && sampled ? 1 + Math.floor(randomAt(...counters.slice(0, 3)) * most) : most;
      const right: RightAnswer = { ...marks(context), position: ids.length - 1 };
      return {
        ids,
        // A state predicts the label of the position after its own: the token of the answer that stands at its own place.
        labels: [...new Array<number>(before + 1).fill(IGNORED_LABEL), ...answer],
        promptLength: ids.length,
        thoughts: [],
        recurrence: { steps, gradientSteps },
        parts: { recurrence: right },
      };
    },

    prompt,
    halting: marks,
  };
}
