import { z } from 'zod';

import { randomAt } from '../batches/counter-random';
import { ReasonerError } from '../errors';
import { asWritten, checkCount, checkSteps } from './check-option';
import { LayoutBuilder, layoutSteps, questionPrompt } from './layout-builder';
import { count, positive } from './option-schemas';
import type { Phase, ReasoningMethod } from './reasoning-method';

export const icotOptions = z.strictObject({
  /** Tokens taken away more in each phase: the paper's Δ, a phase for its epoch. */
  tokensPerPhase: count.describe('tokens of the chain taken away more in each phase').default(8),
  /** Once this many tokens are taken away, the next phase takes all: as many as most chains have. */
  maximumTokens: count.describe('once so many are taken away, the next phase takes all').default(40),
  /**
   * The paper's removal smoothing λ: each example loses `o` tokens more, with probability ∝ exp(−λ·o).
   * `Infinity`, which no file can hold, switches it off.
   */
  smoothing: positive
    .describe('each example loses o tokens more, with probability proportional to exp(-smoothing * o)')
    .default(4),
  /** Begin with a phase in which the whole chain is text. */
  textPhase: z.boolean().default(true),
});
export type IcotOptions = z.input<typeof icotOptions>;
const defaults = icotOptions.parse({});

/**
 * Stepwise internalisation (iCoT-SI, arXiv 2405.14838): the chain of thought loses tokens from its front, a few more each
 * phase, until the answer follows the question. Nothing takes the tokens' place.
 */
export function icot({
  tokensPerPhase = defaults.tokensPerPhase,
  maximumTokens = defaults.maximumTokens,
  smoothing = defaults.smoothing,
  textPhase = defaults.textPhase,
}: IcotOptions = {}): ReasoningMethod {
  checkCount({ method: 'icot', option: 'tokensPerPhase', value: tokensPerPhase });
  checkCount({ method: 'icot', option: 'maximumTokens', value: maximumTokens });
  if (!(smoothing > 0))
    throw new ReasonerError({
      code: 'invalid-option',
      message: `The method "icot" takes a number above 0 as smoothing, not ${asWritten(smoothing)}.`,
    });

  return {
    name: 'icot',
    thoughtStages: () => [],
    specialTokens: () => [],

    curriculum({ stages }) {
      checkSteps({ method: 'icot', stages });
      const phases: Omit<Phase, 'index'>[] = [];
      if (textPhase) phases.push({ name: 'chain of thought', hiddenStages: [], kind: 'text', level: 0 });
      for (let removed = tokensPerPhase; removed < maximumTokens + tokensPerPhase; removed += tokensPerPhase) {
        phases.push({
          name: `without ${Math.min(removed, maximumTokens)} tokens`,
          hiddenStages: [],
          kind: 'encode',
          level: Math.min(removed, maximumTokens),
        });
      }
      phases.push({ name: 'answer only', hiddenStages: [], kind: 'encode', level: Infinity });
      return phases.map((phase, index) => ({ ...phase, index }));
    },

    layout({ example, phase, context, counters }) {
      const { level = 0 } = phase;
      const whole = layoutSteps({ example, context, content: () => ({ kind: 'text' }) });
      const answerOnly = new LayoutBuilder({ context })
        .prompt({ question: example.question, hasImage: example.image !== undefined })
        .answer(example.answer)
        .build();
      const chain = whole.ids.length - answerOnly.ids.length;
      // P(o ≥ k) = exp(−λ·k): the inverse of the distribution at a uniform draw.
      const extra = counters && level > 0 ? Math.floor(-Math.log(1 - randomAt(...counters)) / smoothing) : 0;
      const from = whole.promptLength;
      const to = from + Math.min(chain, level + extra);
      const without = <Item>(list: readonly Item[]) => [...list.slice(0, from), ...list.slice(to)];
      return { ...whole, ids: without(whole.ids), labels: without(whole.labels), roles: without(whole.roles) };
    },

    // Without roles: of a chain that has lost its marks nothing tells which stage a token belongs to.
    prompt: questionPrompt.prompt,
  };
}
