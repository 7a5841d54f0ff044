import type { ThoughtSampling } from '@subtext/reasoner';

import { EvaluationError } from '../errors';

/** Most tokens that a thought can be drawn of. */
const MOST_TOKENS = 64;

/**
 * How thoughts are drawn, as a command line writes it: `tokens=3`, `deviation=0.1`, `latent-head=1`.
 *
 * @throws EvaluationError invalid-option
 */
export function parseThoughtSampling(text: string): ThoughtSampling {
  const [, kind, written] = /^(tokens|deviation|latent-head)=([0-9.]+)$/.exec(text) ?? [];
  const value = Number(written);
  if (kind === 'tokens' && Number.isInteger(value) && value >= 1 && value <= MOST_TOKENS)
    return { kind: 'tokens', count: value };
  if (kind === 'deviation' && value > 0 && Number.isFinite(value)) return { kind: 'gaussian', deviation: value };
  if (kind === 'latent-head' && value > 0 && Number.isFinite(value)) return { kind, temperature: value };
  throw new EvaluationError({
    code: 'invalid-option',
    message: `Thoughts are drawn as tokens=K, the mean of K tokens' embeddings (1 to ${MOST_TOKENS}), deviation=σ, the state with noise (above 0), or latent-head=τ, from what a latent head predicts, its deviations times τ (above 0); got ${JSON.stringify(text)}.`,
  });
}
