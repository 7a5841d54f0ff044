import { tf } from '@subtext/tensor';

import type { LanguageModel } from '../language-model';
import { ModelError } from '../model-error';

/**
 * What is added to logits so that ids are never written, `[vocabulary]` with −∞ at those that the model's
 * generation_config.json names (`suppress_tokens`, as transformers reads it); null where it names none. The caller frees it.
 *
 * @throws ModelError `invalid-option` where they are no ids of the model
 */
export function suppressedTokens({ model }: { model: LanguageModel }): tf.Tensor1D | null {
  const named: unknown = model.generationConfig?.suppress_tokens;
  if (named === undefined || named === null) return null;
  const { outputWidth } = model.head;
  const isId = (id: unknown) => Number.isInteger(id) && (id as number) >= 0 && (id as number) < outputWidth;
  if (!Array.isArray(named) || !named.every(isId) || new Set(named).size >= outputWidth)
    throw new ModelError({
      code: 'invalid-option',
      message: `generation_config.json: suppress_tokens must be a list of ids from 0 to ${outputWidth - 1}, and leave some to write.`,
    });
  if (named.length === 0) return null;
  const added = new Float32Array(outputWidth);
  for (const id of named as number[]) added[id] = -Infinity;
  return tf.tensor1d(added);
}
