import {
  DecodingSession,
  type EmbeddedInputs,
  type EmbeddedPrompts,
  lastPosition,
  type LanguageModel,
} from '@subtext/model';
import { gatherRows, tf } from '@subtext/tensor';

import type { HaltingMarks, ThoughtPosition } from '../methods/reasoning-method';
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

/** Prompts that are thought through: generation continues from here. */
export interface ThoughtPrompts {
  /** Holds every position but those of `rest`. The caller frees it. */
  session: DecodingSession;
  /** What follows the thoughts, one position at least: the `inputs` of `generate`. The caller frees its embeddings. */
  rest: EmbeddedPrompts;
  /** For each row, its thoughts. `last`: the state of each row's last position, with which generation begins. */
  thoughts(last: readonly Float32Array[]): Thought[][];
  /** For each row, how many thoughts took a pass of their own. */
  passes: number[];
}

/**
 * Thinks before answering: one pass up to the first thoughts, then a step for each continuous thought, whose input is the
 * hidden state before it, all rows side by side on one cache, with which generation continues: every position is computed
 * once. A thought's `position` counts back from the first generated token, at −1.
 */
export async function thinkInPrompt({
  model,
  prompts: { embeddings, forwardExtras, lengths, thoughts },
  reading,
  room,
  halting,
}: {
  model: LanguageModel;
  prompts: PromptsWithThoughts;
  /** Where a thought's state is read: the state before it, which is a continuous thought's own input, or the one at it. */
  reading: 'before' | 'at';
  /** Positions that generation may take after the prompt. */
  room: number;
  /** The marks by which the model decides after each state to think on or to answer. Default: it thinks all its thoughts. */
  halting?: HaltingMarks;
}): Promise<ThoughtPrompts> {
  const [rows, time, width] = embeddings.shape;
  const steps = thoughts.map((row) => row.filter(({ kind }) => kind !== 'token'));
  const fedBack = steps.some((row) => row.some(({ kind }) => kind === 'continuous'));
  // What comes before the thoughts; of a row without any, all but its last position, which is left to generation.
  const prefixes = steps.map((row, index) => row[0]?.position ?? lengths[index]! - 1);
  const prefix = Math.max(...prefixes);
  // A prompt that ends in a thought leaves the thought's input to generation.
  const planned = steps.map((row, index) =>
    row.length > 0 && row.at(-1)!.position === lengths[index]! - 1 ? row.length - 1 : row.length,
  );
  const rests = planned.map(
    (count, row) => lengths[row]! - prefixes[row]! - (steps[row]!.length > count ? steps[row]!.length : count),
  );
  const rest = Math.max(1, ...rests);
  const session = new DecodingSession({
    model,
    batch: rows,
    capacity: prefix + Math.max(...planned) + rest + room,
    forwardExtras,
  });
  const kept: tf.Tensor[] = [];
  const keep = <Kept extends tf.Tensor>(compute: () => Kept): Kept => {
    const tensor = tf.tidy(compute);
    kept.push(tensor);
    return tensor;
  };
  const start = (row: number) => row * time + time - lengths[row]!;
  try {
    const flat = keep(() => tf.reshape(embeddings, [rows * time, width]) as tf.Tensor2D);
    const tokenThoughts = thoughts.some((row) => row.some(({ kind }) => kind === 'token'));
    const firstPass = keep(() => {
      const sources = Int32Array.from({ length: rows * prefix }, (_, index) => {
        const row = Math.floor(index / prefix);
        return Math.max(row * time, start(row) + (index % prefix) - (prefix - prefixes[row]!));
      });
      const even = prefixes.every((length) => length === prefix);
      const mask = even
        ? null
        : prefixes.map((length) => Array.from({ length: prefix }, (_, column) => (column < prefix - length ? 0 : 1)));
      return session.feed({
        embeddings: tf.reshape(gatherRows({ input: flat, indices: sources }), [rows, prefix, width]) as tf.Tensor3D,
        mask,
        ...(!tokenThoughts && { outputPositions: 1 }),
      }).hidden;
    });
    // State t is the one before thought t: `[rows, 1, width]` each.
    const states = [keep(() => lastPosition(firstPass))];
    const counts = new Array<number>(rows).fill(0);
    let thinking = planned.map((count) => count > 0);
    for (let thought = 0; ; thought++) {
      thinking = thinking.map((on, row) => on && planned[row]! > thought);
      if (halting && thinking.includes(true)) {
        const more = await wantsMore({ model, states: states.at(-1)!, halting });
        thinking = thinking.map((on, row) => on && (more[row] ?? false));
      }
      if (!thinking.includes(true)) break;
      for (const [row, on] of thinking.entries()) if (on) counts[row]! += 1;
      const waiting = thinking.includes(false);
      const input = fedBack
        ? states.at(-1)!
        : keep(
            () =>
              tf.reshape(
                gatherRows({
                  input: flat,
                  indices: steps.map((row, index) => start(index) + (row[thought]?.position ?? 0)),
                }),
                [rows, 1, width],
              ) as tf.Tensor3D,
          );
      states.push(
        keep(
          () => session.feed({ embeddings: input, mask: waiting ? thinking.map((on) => [on ? 1 : 0]) : null }).hidden,
        ),
      );
    }
    const table = keep(() => tf.reshape(tf.concat(states, 1), [rows * states.length, width]) as tf.Tensor2D);
    const restEmbeddings = tf.tidy(() => {
      const sources = rests.flatMap((length, row) =>
        Array.from({ length: rest }, (_, column) => {
          const place = column - (rest - Math.max(1, length));
          if (steps[row]!.length > planned[row]!) return rows * time + row * states.length + counts[row]!;
          return start(row) + lengths[row]! - length + Math.max(0, place);
        }),
      );
      return tf.reshape(gatherRows({ input: tf.concat([flat, table], 0) as tf.Tensor2D, indices: sources }), [
        rows,
        rest,
        width,
      ]) as tf.Tensor3D;
    });
    const restLengths = rests.map((length) => Math.max(1, length));
    const mask = restLengths.every((length) => length === rest)
      ? null
      : restLengths.map((length) => Array.from({ length: rest }, (_, column) => (column < rest - length ? 0 : 1)));
    const [stepStates, prefixStates] = (await Promise.all([
      table.data(),
      tokenThoughts ? firstPass.data() : undefined,
    ])) as [Float32Array, Float32Array | undefined];
    const at = (values: Float32Array, index: number) => values.slice(index * width, (index + 1) * width);
    return {
      session,
      rest: { embeddings: restEmbeddings, mask, forwardExtras },
      passes: counts,
      thoughts: (last) =>
        thoughts.map((row, index) => {
          const length = lengths[index]! - (planned[index]! - counts[index]!);
          const own =
            steps[index]!.length === 0 ? row : row.slice(0, counts[index]! + steps[index]!.length - planned[index]!);
          return own.map(({ stage, index: ofStage, position, kind }, place): Thought => {
            const offset = reading === 'at' ? 1 : 0;
            const hidden =
              kind === 'token'
                ? position - 1 + offset < prefixes[index]!
                  ? at(prefixStates!, index * prefix + prefix - prefixes[index]! + position - 1 + offset)
                  : last[index]!
                : place + offset <= counts[index]!
                  ? at(stepStates, index * states.length + place + offset)
                  : last[index]!;
            return { stage, index: ofStage, position: position - length, hidden };
          });
        }),
    };
  } catch (error) {
    session.dispose();
    throw error;
  } finally {
    tf.dispose(kept);
  }
}

/** For each row, whether the mark that opens another thought is likelier than the one that ends thinking. `states`: `[rows, 1, width]`. */
async function wantsMore({
  model,
  states,
  halting,
}: {
  model: LanguageModel;
  states: tf.Tensor3D;
  halting: HaltingMarks;
}): Promise<boolean[]> {
  const difference = tf.tidy(() => {
    const logits = model.logits(tf.reshape(states, [states.shape[0], states.shape[2]]) as tf.Tensor2D);
    const [more, stop] = [halting.more, halting.stop].map((id) => tf.slice(logits, [0, id], [-1, 1]));
    return tf.sub(more!, stop!);
  });
  const values = await difference.data();
  difference.dispose();
  return Array.from(values, (value) => value > 0);
}
