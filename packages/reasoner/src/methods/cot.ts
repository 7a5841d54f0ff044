import { layoutSteps, questionPrompt, responseStart } from './layout-builder';
import type { ReasoningMethod } from './reasoning-method';

/** The whole chain of thought as text, then the answer. */
export function cot(): ReasoningMethod {
  return {
    name: 'cot',
    thoughtStages: () => [],
    specialTokens: () => [],
    curriculum: () => [{ name: 'chain of thought', index: 0, hiddenStages: [], kind: 'text' }],
    layout: ({ example, context }) => layoutSteps({ example, context, content: () => ({ kind: 'text' }) }),
    ...questionPrompt,
    responseStart: ({ stages, context }) =>
      stages.length === 0 ? [] : responseStart({ stages, context, thoughts: () => null }),
  };
}
