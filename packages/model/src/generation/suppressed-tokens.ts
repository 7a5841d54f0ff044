import { tf } from '@subtext/tensor';

import type { LanguageModel } from '../language-model';
import { ModelError } from '../model-error';

/**
 * Bias to add to logits, `[vocabulary]`, with −∞ for ids in `suppress_tokens` of the model's generation_config.json, as
 * in transformers; null if there are none. The caller disposes it.
 *
 * @throws ModelError `invalid-option` if they are not ids of the model
 */
export function suppressedTokens({ model }: { model: LanguageModel }): tf.Tensor1D | null {
  const named: unknown = model.generationConfig?.suppress_tokens;
  if (named === undefined || named === null) return null;
  const { outputWidth } = model.head;
  const isId = (id: unknown) => Number.isInteger(id) && (id as number) >= 0 && (id as number) < outputWidth;
  if (!Array.isArray(named) || !named.every(isId) || new Set(named).size >= outputWidth)
    throw new ModelError({
      code: 'invalid-option',
      message: `generation_config.json: suppress_tokens must be a list of ids from 0 to ${outputWidth - 1}, not all of them.`,
    });
  if (named.length === 0) return null;
  const added = new Float32Array(outputWidth);
  for (const id of named as number[]) added[id] = -Infinity;
  return tf.tensor1d(added);
}
