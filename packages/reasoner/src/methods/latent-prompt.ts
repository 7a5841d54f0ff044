import type { ReasoningExample } from '@subtext/data';

import { tagRole } from '../visibility/roles';
import { LayoutBuilder, stageName } from './layout-builder';
import type { LayoutContext, ThoughtPosition } from './reasoning-method';

/** The reference's tokens around thoughts, and the one that holds a thought's place. */
export const latentTokens = { start: '<|start-latent|>', latent: '<|latent|>', end: '<|end-latent|>' } as const;

/** What a prompt with thoughts is made from. */
export interface LatentPromptOptions {
  /** Steps name the stages of their thoughts; absent where only the question is known. */
  example: Pick<ReasoningExample, 'question' | 'image'> & { steps?: ReasoningExample['steps'] };
  context: LayoutContext;
  /** How many steps are held in thoughts. */
  steps: number;
  /** Thoughts for each of them: Coconut's c. @default 1 */
  thoughtsPerStep?: number;
  /** @default 'continuous' */
  kind?: ThoughtPosition['kind'];
  /** Name of the stage of all thoughts. @default that of the step in whose place they stand */
  stage?: string;
}

/**
 * A prompt that ends in thoughts (facebookresearch/coconut, dataset.py): question, `<|start-latent|>`, the thoughts'
 * places, `<|end-latent|>`. None of it carries loss. What follows is added to the builder.
 */
export function latentPrompt({
  example,
  context,
  steps,
  thoughtsPerStep = 1,
  kind = 'continuous',
  stage: named,
}: LatentPromptOptions): LayoutBuilder {
  const { tokenizer } = context;
  const id = tokenizer.idOf(latentTokens.latent);
  const stageOf = (step: number) => named ?? stageName({ step: example.steps?.[step] ?? {}, index: step });
  const builder = new LayoutBuilder({ context })
    .prompt({ question: example.question, hasImage: example.image !== undefined })
    .marker({ id: tokenizer.idOf(latentTokens.start), role: tagRole(stageOf(0)) });
  for (let step = 0; step < steps; step++) {
    const stage = stageOf(step);
    for (let index = 0; index < thoughtsPerStep; index++) builder.thought({ stage, index, id, kind, predicted: false });
  }
  return builder.marker({ id: tokenizer.idOf(latentTokens.end), role: tagRole(stageOf(Math.max(0, steps - 1))) });
}
