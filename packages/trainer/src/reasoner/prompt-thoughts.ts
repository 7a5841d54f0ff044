import { DecodingSession, type EmbeddedInputs, lastPosition, type LanguageModel } from '@subtext/model';
import { gatherRows, scatterRows, tf } from '@subtext/tensor';

import type { ThoughtPosition } from '../methods/reasoning-method';
import type { Thought } from './answer';

/** Prompts with thoughts in them, as vectors. */
export interface PromptsWithThoughts extends EmbeddedInputs {
  /** By row, 0 on padding, which comes first; null where all prompts have one length. */
  mask: number[][] | null;
  /** Length of each prompt, without padding. */
  lengths: readonly number[];
  /** The thoughts of each prompt. */
  thoughts: readonly (readonly ThoughtPosition[])[];
}

/**
 * Thinks before answering: fills the places of continuous thoughts with the hidden states before them, all rows side by
 * side on a cache, and reads every thought's state. `embeddings` (`[rows, time, width]`) are the prompts with their
 * thoughts in place; the caller frees them. A thought's `position` counts back from the first generated token, at −1.
 */
export async function thinkInPrompt({
  model,
  prompts,
  reading,
}: {
  model: LanguageModel;
  prompts: PromptsWithThoughts;
  /** Where a thought's state is read: the state before it, which is a continuous thought's own input, or the one at it. */
  reading: 'before' | 'at';
}): Promise<{ embeddings: tf.Tensor3D; thoughts: Thought[][] }> {
  const { embeddings, thoughts, lengths } = prompts;
  const { width } = model.dimensions;
  const time = embeddings.shape[1];
  const continuous = thoughts.some((row) => row.some(({ kind }) => kind === 'continuous'));
  const { placed, states } = continuous ? continuousStates({ model, prompts }) : { placed: tf.clone(embeddings), states: fixedStates({ model, prompts }) };
  const values = (await states.data()) as Float32Array;
  states.dispose();
  const perRow = values.length / thoughts.length / width;
  const records = thoughts.map((row, index) =>
    row.map(({ stage, index: ofStage, position }, thought): Thought => {
      // Continuous: state t is the one before thought t. Else the states of all columns, padding first.
      const column = (continuous ? thought : time - lengths[index]! + position - 1) + (reading === 'at' ? 1 : 0);
      const from = (index * perRow + column) * width;
      return { stage, index: ofStage, position: position - lengths[index]!, hidden: values.slice(from, from + width) };
    }),
  );
  return { embeddings: placed, thoughts: records };
}

/** The states of every column in one pass: `[rows, time, width]`. */
function fixedStates({ model, prompts: { embeddings, mask, forwardExtras } }: { model: LanguageModel; prompts: PromptsWithThoughts }): tf.Tensor3D {
  return tf.tidy(() => model.forward({ ...forwardExtras, embeddings, ...(mask && { mask: tf.tensor2d(mask, undefined, 'int32') }) }).hidden);
}

/** Thinks step by step. `states` is `[rows, most thoughts + 1, width]`: the state before each thought, then the one at the last. */
function continuousStates({ model, prompts: { embeddings, forwardExtras, lengths, thoughts } }: { model: LanguageModel; prompts: PromptsWithThoughts }): { placed: tf.Tensor3D; states: tf.Tensor3D } {
  const [rows, time, width] = embeddings.shape;
  const counts = thoughts.map(({ length }) => length);
  const most = Math.max(...counts);
  // Rows without thoughts have nothing to wait for: their whole prompt is the prefix.
  const prefixes = thoughts.map((row, index) => row[0]?.position ?? lengths[index]!);
  const prefix = Math.max(...prefixes);
  const session = new DecodingSession({ model, batch: rows, capacity: prefix + most, forwardExtras });
  try {
    const [placed, states] = tf.tidy(() => {
      const flat = tf.reshape(embeddings, [rows * time, width]) as tf.Tensor2D;
      const sources = Int32Array.from({ length: rows * prefix }, (_, index) => {
        const row = Math.floor(index / prefix);
        return row * time + Math.max(0, time - lengths[row]! + (index % prefix) - (prefix - prefixes[row]!));
      });
      const even = prefixes.every((length) => length === prefix);
      const input = tf.reshape(gatherRows({ input: flat, indices: sources }), [rows, prefix, width]) as tf.Tensor3D;
      const mask = even ? null : prefixes.map((length) => Array.from({ length: prefix }, (_, column) => (column < prefix - length ? 0 : 1)));
      const found = [lastPosition(session.feed({ embeddings: input, mask }).hidden)];
      for (let thought = 0; thought < most; thought++) {
        const waiting = counts.some((count) => count <= thought);
        found.push(session.feed({ embeddings: found.at(-1)!, mask: waiting ? counts.map((count) => [count > thought ? 1 : 0]) : null }).hidden);
      }
      const all = tf.concat(found, 1);
      const targets: number[] = [];
      const updates: number[] = [];
      for (const [row, positions] of thoughts.entries()) {
        for (const [thought, { position }] of positions.entries()) {
          targets.push(row * time + time - lengths[row]! + position);
          updates.push(row * (most + 1) + thought);
        }
      }
      const chosen = gatherRows({ input: tf.reshape(all, [rows * (most + 1), width]) as tf.Tensor2D, indices: updates });
      return [tf.reshape(scatterRows({ input: flat, indices: targets, updates: chosen }), [rows, time, width]), all] as [tf.Tensor3D, tf.Tensor3D];
    });
    return { placed, states };
  } finally {
    session.dispose();
  }
}
