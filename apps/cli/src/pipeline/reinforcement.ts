import type { ReinforcementOptions } from '@subtext/trainer';

import type { TrainConfiguration } from '../configuration/schema';

type Given = NonNullable<TrainConfiguration['reinforcement']>;

/** Training by rewards, as a configuration says it, as the package takes it. */
export function reinforcementOptions({
  steps,
  rewards,
  questions,
  group,
  temperature,
  maxNewTokens,
  thoughts,
  scale,
  per,
  clip,
  clipHigh,
  kl,
  updates,
  unfinished,
  firstFromBest,
  learningRate,
}: Given): ReinforcementOptions {
  return {
    ...{ steps, questions, group, temperature, maxNewTokens, scale, per, clip, clipHigh, kl, updates },
    ...{ unfinished, firstFromBest, learningRate },
    rewards: rewards.map(({ name, weight, options }) => ({ name, weight, options })),
    ...(thoughts !== undefined && { thoughts: samplingOf(thoughts) }),
  };
}

function samplingOf(thoughts: NonNullable<Given['thoughts']>): NonNullable<ReinforcementOptions['thoughts']> {
  if (thoughts === 'state') return { kind: 'state' };
  if ('tokens' in thoughts) return { kind: 'tokens', count: thoughts.tokens };
  return { kind: 'gaussian', deviation: thoughts.deviation };
}
