import { z } from 'zod';

import { ReasonerError } from '../errors';
import { asWritten, checkCount } from './check-option';
import { coconut, coconutOptions } from './coconut';
import { latentTokens } from './latent-prompt';
import type { HaltingMarks, LayoutContext, ReasoningMethod } from './reasoning-method';

export const adaptiveOptions = coconutOptions
  .omit({ thoughts: true, uniformProbability: true, writeRest: true })
  .extend({
    /** What a thought costs, in nats of the answer's loss: the more, the sooner the model answers. */
    thoughtCost: z.number().min(0).describe("of a thought, in nats of the answer's loss").default(0.05),
  });
export type AdaptiveOptions = z.input<typeof adaptiveOptions>;
const defaults = adaptiveOptions.parse({});

/**
 * Coconut that decides itself how long to think. Its phases are Coconut's, with two more at the end, in which every example
 * is laid out with each number of thoughts n = 0 … N: in both all of them learn to answer, in the second a halting head
 * learns when to stop. With `sₙ` the state after n thoughts, the head takes one more with probability
 * `qₙ = σ((w_more − w_stop) · sₙ / √width)`, w being the language head's rows of `<|latent|>` and `<|end-latent|>`, so that
 * nothing is added to the model. It learns, by cross-entropy, the number of thoughts that would have been cheapest for each
 * example: `argminₙ (Lₙ + cost · n)`, with Lₙ the answer's loss. (Its expected price, which PonderNet, arXiv 2107.05407,
 * lowers, has hardly a gradient where the head begins by stopping at once.) Answering stops thinking where qₙ falls below
 * one half.
 */
export function adaptive({
  hiddenSteps = defaults.hiddenSteps,
  thoughtsPerStep = defaults.thoughtsPerStep,
  progressive,
  textPhase,
  thoughtCost = defaults.thoughtCost,
}: AdaptiveOptions = {}): ReasoningMethod {
  const method = 'adaptive';
  checkCount({ method, option: 'hiddenSteps', value: hiddenSteps });
  checkCount({ method, option: 'thoughtsPerStep', value: thoughtsPerStep });
  if (!(thoughtCost >= 0))
    throw new ReasonerError({
      code: 'invalid-option',
      message: `The method "adaptive" takes a number from 0 up as thoughtCost, not ${asWritten(thoughtCost)}.`,
    });
  const base = coconut({ hiddenSteps, thoughtsPerStep, progressive, textPhase });
  const marks = ({ tokenizer }: LayoutContext): HaltingMarks => ({
    more: tokenizer.idOf(latentTokens.latent),
    stop: tokenizer.idOf(latentTokens.end),
  });

  return {
    ...base,
    name: method,
    objectives: [{ name: 'next-token' }, { name: 'halting', options: { cost: thoughtCost } }],

    curriculum({ stages }) {
      const phases = base.curriculum({ stages });
      return [
        ...phases,
        { ...phases.at(-1)!, index: phases.length, name: 'answer after any number of thoughts', halting: 'answers' },
        { ...phases.at(-1)!, index: phases.length + 1, name: 'learn when to stop', halting: 'head' },
      ];
    },

    layout({ example, phase, context, counters }) {
      const whole = base.layout({ example, phase, context, counters });
      if (!phase.halting) return whole;
      const rows = whole.thoughts.map((_, kept) => {
        const from = whole.thoughts[kept]!.position;
        const to = whole.thoughts.at(-1)!.position + 1;
        const without = <Item>(list: readonly Item[]) => [...list.slice(0, from), ...list.slice(to)];
        return {
          ids: without(whole.ids),
          labels: without(whole.labels),
          ...(whole.roles && { roles: without(whole.roles) }),
          promptLength: whole.promptLength - (to - from),
          thoughts: whole.thoughts.slice(0, kept),
        };
      });
      return {
        ...whole,
        parts: { halting: { ...marks(context), rows, weight: phase.halting === 'head' ? 1 : 0 } },
      };
    },

    halting: marks,
  };
}
