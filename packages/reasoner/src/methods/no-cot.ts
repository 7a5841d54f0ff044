import { LayoutBuilder, questionPrompt, responseStart } from './layout-builder';
import type { ReasoningMethod } from './reasoning-method';

/** The answer at once, without a chain of thought: the baseline that hidden thoughts must beat. */
export function noCot(): ReasoningMethod {
  return {
    name: 'no-cot',
    thoughtStages: () => [],
    lastStages: () => [],
    specialTokens: () => [],
    curriculum: () => [{ name: 'answer only', index: 0, hiddenStages: [], kind: 'text' }],
    layout: ({ example, context }) =>
      new LayoutBuilder({ context })
        .prompt({ question: example.question, hasImage: example.image !== undefined })
        .answer(example.answer)
        .build(),
    ...questionPrompt,
    responseStart: ({ context }) => responseStart({ stages: [], context, thoughts: () => null }),
  };
}
