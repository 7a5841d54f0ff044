import type { MethodSpecification } from '@subtext/reasoner';

import type { TrainConfiguration } from '../configuration/schema';

/** The method as the trainer takes it. */
export function methodSpecification(method: TrainConfiguration['method']): MethodSpecification {
  if (method.name !== 'heima') return method;
  const { thinkingTokens, ...rest } = method;
  if (typeof thinkingTokens === 'number') return { ...rest, thinkingTokens: { kind: 'fixed', count: thinkingTokens } };
  return {
    ...rest,
    thinkingTokens:
      'stages' in thinkingTokens
        ? { kind: 'stages', counts: thinkingTokens.stages }
        : { kind: 'ratio', ratio: thinkingTokens.ratio, maximum: thinkingTokens.maximum },
  };
}
