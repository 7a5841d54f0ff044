import type { GenerateOptions, LanguageModel } from '@subtext/model';
import { gatherRows, scatterRows, tf } from '@subtext/tensor';

import type { FeedbackMap } from '../feedback/feedback-map';

/** Thinking tokens to which the states before them are added: what a token by itself, and its state, become as inputs. */
export interface AddedStatesOptions {
  model: LanguageModel;
  feedback: FeedbackMap;
  /** Whether an id is a thinking token. */
  isThought: (id: number) => boolean;
}

/** How written tokens enter the next pass: a thinking token as its embedding and the state that predicted it, through the map. */
export function embedWithStates({
  model,
  feedback,
  isThought,
}: AddedStatesOptions): NonNullable<GenerateOptions['embedNext']> {
  return ({ ids, states }) => {
    const [rows, , width] = states.shape;
    const words = model.embed(tf.tensor2d(ids, [rows, 1], 'int32'));
    const thinking = [...ids.keys()].filter((row) => isThought(ids[row]!));
    if (thinking.length === 0) return words;
    const asRows = (tensor: tf.Tensor3D) => tf.reshape(tensor, [rows, width]) as tf.Tensor2D;
    const fed = tf.add<tf.Tensor2D>(
      gatherRows({ input: asRows(words), indices: thinking }),
      feedback.apply(gatherRows({ input: asRows(states), indices: thinking })),
    );
    return tf.reshape(scatterRows({ input: asRows(words), indices: thinking, updates: fed }), [rows, 1, width]);
  };
}

/** The vectors that entered at written thinking tokens, `[width]` each. */
export async function addedInputs({
  model,
  feedback,
  thoughts,
}: Pick<AddedStatesOptions, 'model' | 'feedback'> & {
  /** The token, and the state that predicted it. */
  thoughts: readonly { id: number; state: Float32Array }[];
}): Promise<Float32Array[]> {
  if (thoughts.length === 0) return [];
  const { width } = model.dimensions;
  const vectors = tf.tidy(() => {
    const ids = tf.tensor2d(
      thoughts.map(({ id }) => [id]),
      undefined,
      'int32',
    );
    const states = tf.stack(thoughts.map(({ state }) => tf.tensor1d(state))) as tf.Tensor2D;
    return tf.add(tf.reshape(model.embed(ids), [thoughts.length, width]), feedback.apply(states));
  });
  const values = (await vectors.data()) as Float32Array;
  vectors.dispose();
  return thoughts.map((_, index) => values.slice(index * width, (index + 1) * width));
}
