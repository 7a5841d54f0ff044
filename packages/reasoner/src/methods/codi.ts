import { z } from 'zod';

import { ReasonerError } from '../errors';
import { asWritten, checkCount, checkSteps } from './check-option';
import { latentPrompt, latentTokens } from './latent-prompt';
import { LayoutBuilder, promptOf, stageName } from './layout-builder';
import { count } from './option-schemas';
import type { Layout, LayoutContext, ReasoningMethod } from './reasoning-method';

export const codiOptions = z.strictObject({
  /** Continuous thoughts before the answer. */
  count: count.describe('continuous thoughts before the answer').default(6),
  /** How the states of the two readings are compared. */
  distance: z.enum(['smooth-l1', 'l1']).describe('between the states of both readings').default('smooth-l1'),
  /** Weight of the comparison beside the two cross-entropies: the paper's γ; its release takes 20 for GPT-2. */
  distillationWeight: z.number().min(0).describe('of the distance beside both cross-entropies').default(20),
});
export type CodiOptions = z.input<typeof codiOptions>;
const defaults = codiOptions.parse({});

/** The stage that thoughts are named by: they stand for the chain as a whole. */
const stage = 'thought';

/**
 * CODI (arXiv 2502.21074), self-distillation into continuous thoughts: the same model reads each example twice, with its
 * chain in words and with continuous thoughts in the chain's place, and learns both. At the token before the answer the
 * states of the second reading are drawn to those of the first, which the comparison leaves as they are, in every layer.
 * There is one phase. Thoughts are trained as Coconut's are fed back, without the paper's projection between them; a reasoner
 * that has one (`FeedbackMap`) thinks with it.
 */
export function codi({
  count: thoughtCount = defaults.count,
  distance = defaults.distance,
  distillationWeight = defaults.distillationWeight,
}: CodiOptions = {}): ReasoningMethod {
  checkCount({ method: 'codi', option: 'count', value: thoughtCount });
  if (!(distillationWeight >= 0))
    throw new ReasonerError({
      code: 'invalid-option',
      message: `The method "codi" takes a number from 0 up as distillationWeight, not ${asWritten(distillationWeight)}.`,
    });

  const thinking = ({
    example,
    context,
  }: {
    example: Parameters<ReasoningMethod['prompt']>[0]['example'];
    context: LayoutContext;
  }): LayoutBuilder =>
    latentPrompt({
      example: { question: example.question, image: example.image },
      context,
      steps: 1,
      thoughtsPerStep: thoughtCount,
      stage,
    });

  return {
    name: 'codi',
    objectives: [{ name: 'next-token' }, { name: 'distillation', options: { distance, weight: distillationWeight } }],
    specialTokens: () => Object.values(latentTokens),
    lastStages: () => [stage],
    thoughtStages: () => [stage],
    // The thoughts stand for the chain as a whole.
    explanation({ example, context }) {
      if (example.steps.length === 0) return undefined;
      const { close } = context.format.step({ name: stage, index: 0 });
      return example.steps.map(({ text }) => text).join(close !== '' && close.trim() === '' ? close : ' ');
    },
    curriculum({ stages }) {
      checkSteps({ method: 'codi', stages });
      return [{ name: 'self-distillation', index: 0, hiddenStages: stages, kind: 'encode', level: Infinity }];
    },

    layout({ example, context }) {
      const chain = new LayoutBuilder({ context }).prompt({
        question: example.question,
        hasImage: example.image !== undefined,
      });
      for (const [index, step] of example.steps.entries())
        chain.step({ stage: stageName({ step, index }), index, text: step.text });
      const written = chain.answer(example.answer).build();
      const own = thinking({ example, context }).answer(example.answer).build();
      const position = (layout: Layout) => answerStart({ layout, answer: example.answer, context }) - 1;
      return {
        ...own,
        parts: { distillation: { apart: [written], own: position(own), position: position(written) } },
      };
    },

    ...promptOf(thinking),
    promptThoughts: ({ example, context }) => thinking({ example, context }).build().thoughts,
  };
}

/** Where the answer's own text begins: behind its opening mark. */
function answerStart({ layout, answer, context }: { layout: Layout; answer: string; context: LayoutContext }): number {
  const { format, tokenizer } = context;
  const length = (text: string) => (text === '' ? 0 : tokenizer.encode(text, { addSpecialTokens: false }).ids.length);
  const { open, close } = format.answer;
  // Where marks merge with the answer, it begins where the mark's own words end.
  if (format.joined === true)
    return layout.ids.length - 1 - length(`${open}${answer}${close}`) + length(open.trimEnd());
  return layout.ids.length - 1 - length(close) - length(answer);
}
