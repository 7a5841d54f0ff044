import type { MethodSpecification } from '@subtext/trainer';

import type { TrainConfiguration } from '../configuration/schema';

/** The method as the trainer takes it. */
export function methodSpecification(method: TrainConfiguration['method']): MethodSpecification {
  if (method.name !== 'heima') return method;
  const { thinkingTokens, ...rest } = method;
  return { ...rest, thinkingTokens: typeof thinkingTokens === 'number' ? { kind: 'fixed', count: thinkingTokens } : { kind: 'ratio', ...thinkingTokens } };
}
