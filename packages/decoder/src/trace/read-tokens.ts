import type { LanguageModel } from '@subtext/model';
import { tf } from '@subtext/tensor';
import type { Tokenizer } from '@subtext/tokenizer';

import { logitLens } from '../probes/logit-lens';
import type { TraceToken } from './trace';

/** What layers would say at some positions of one sequence: by layer and place, tokens, most probable first. */
export async function readTokens({
  model,
  tokenizer,
  layers,
  places,
  top,
  passOver = [],
}: {
  model: LanguageModel;
  tokenizer: Tokenizer;
  /** `[1, time, width]` each; the last after the final norm. Not freed. */
  layers: readonly tf.Tensor3D[];
  places: readonly number[];
  top: number;
  /** Tokens that count for nothing. @default none */
  passOver?: readonly number[];
}): Promise<TraceToken[][][]> {
  if (places.length === 0) return layers.map(() => []);
  const hiddenStates = layers.map((states) =>
    tf.tidy(() => tf.gather(tf.squeeze(states, [0]), tf.tensor1d([...places], 'int32')) as tf.Tensor2D),
  );
  const left = new Float32Array(model.dimensions.vocabularySize);
  for (const id of passOver) left[id] = -1e9;
  try {
    const readings = await logitLens({
      hiddenStates,
      normalize: (states) => model.finalNorm.apply({ input: states }),
      head: (states) => (passOver.length === 0 ? model.logits(states) : tf.add(model.logits(states), left)),
      top,
    });
    return readings.map((layer) =>
      layer.map(({ tokens }) =>
        tokens.map(({ id, probability }) => ({ id, text: tokenText({ tokenizer, id }), probability })),
      ),
    );
  } finally {
    tf.dispose(hiddenStates);
  }
}

/** A token as it is written, special ones too. */
export function tokenText({ tokenizer, id }: { tokenizer: Tokenizer; id: number }): string {
  return tokenizer.decode([id], { skipSpecialTokens: false });
}
