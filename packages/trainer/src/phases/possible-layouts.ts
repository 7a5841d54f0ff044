import type { ReasoningExample } from '@subtext/data';
import type { Layout, Phase } from '@subtext/reasoner';

import type { ReasonerData } from '../sources/laid-out-examples';

/** What a phase may make of an example: first the layout without chance, then those that chance may lead to. */
export function possibleLayouts({
  data: { method, context },
  example,
  phase,
}: {
  data: Pick<ReasonerData, 'method' | 'context'>;
  example: ReasoningExample;
  phase: Phase;
}): [Layout, ...Layout[]] {
  const options = { example, phase, context };
  return [method.layout(options), ...(method.chanceLayouts?.(options) ?? [])];
}
