import type { ReasoningExample } from '@subtext/data';
import { type LayoutContext, type ReasoningMethod, stageName } from '@subtext/reasoner';

/** What a thought's stage stands for in words: what its method says, or the text of the step of that name. */
export function explanationText({
  method,
  example,
  stage,
  context,
}: {
  method: ReasoningMethod;
  example: ReasoningExample;
  stage: string;
  context: LayoutContext;
}): string | undefined {
  if (method.explanation) return method.explanation({ example, stage, context });
  return example.steps.find((step, index) => stageName({ step, index }) === stage)?.text;
}
