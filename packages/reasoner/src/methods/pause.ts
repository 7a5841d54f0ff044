import { z } from 'zod';

import { checkCount } from './check-option';
import { LayoutBuilder, promptOf } from './layout-builder';
import { count } from './option-schemas';
import type { LayoutContext, ReasoningMethod } from './reasoning-method';

export const pauseOptions = z.strictObject({
  /** Pause tokens before the answer: as many as the thoughts of the method that it is held against. */
  count: count.describe('pause tokens before the answer').default(6),
});
export type PauseOptions = z.input<typeof pauseOptions>;
const defaults = pauseOptions.parse({});

/** The stage that the tokens are named by: they stand for no step. */
const stage = 'pause';

/** The token that stands for a moment to think. */
const PAUSE_TOKEN = '<pause>';

/**
 * Pause tokens (arXiv 2310.02226): the same token, several times between question and answer, gives the model more
 * positions to compute in. No chain of thought is learned, the tokens carry no loss, and nothing is fed back.
 */
export function pause({ count: pauses = defaults.count }: PauseOptions = {}): ReasoningMethod {
  checkCount({ method: 'pause', option: 'count', value: pauses });

  function paused({
    example,
    context,
  }: {
    example: { question: string; image?: unknown };
    context: LayoutContext;
  }): LayoutBuilder {
    const builder = new LayoutBuilder({ context }).prompt({
      question: example.question,
      hasImage: example.image !== undefined,
    });
    const id = context.tokenizer.idOf(PAUSE_TOKEN);
    for (let index = 0; index < pauses; index++) builder.thought({ stage, index, id, kind: 'token', predicted: false });
    return builder;
  }

  return {
    name: 'pause',
    thoughtStages: () => [],
    lastStages: () => [stage],
    specialTokens: () => [PAUSE_TOKEN],
    curriculum: () => [{ name: 'pauses', index: 0, hiddenStages: [], kind: 'text' }],
    layout: ({ example, context }) => paused({ example, context }).answer(example.answer).build(),
    ...promptOf(paused),
    promptThoughts: ({ example, context }) => paused({ example, context }).build().thoughts,
  };
}
