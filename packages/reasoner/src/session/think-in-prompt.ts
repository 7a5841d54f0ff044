import type { EmbeddedInputs, EmbeddedPrompts, LanguageModel } from '@subtext/model';
import { gatherRows, tf } from '@subtext/tensor';

import type { FeedbackMap } from '../feedback/feedback-map';
import type { ThinkingEnd, ThoughtPosition } from '../methods/reasoning-method';
import { inputVectors, type SessionInput, Session } from './session';
import type { WrittenRoles } from '../visibility/written-roles';
import { type Thought, thoughtsAt } from './thought';

/** Prompts with thoughts in them, as vectors. */
export interface PromptsWithThoughts extends EmbeddedInputs {
  /** By row, 0 on padding, which comes first; null where all prompts have one length. */
  mask: number[][] | null;
  /** The ids of each prompt, without padding. */
  ids: readonly (readonly number[])[];
  /** The thoughts of each prompt. */
  thoughts: readonly (readonly ThoughtPosition[])[];
}

/** What is known when a continuous thought begins. */
export interface ThoughtState {
  /** The row of the prompts. */
  row: number;
  thought: Pick<ThoughtPosition, 'stage' | 'index'>;
  /** The state before the thought, after the final norm, `[width]`. */
  hidden: Float32Array;
  /** What is fed unless something else is decided, `[width]`: the state, through the reasoner's map where it has one. */
  input: Float32Array;
  /** Logits of the next token there, `[vocabulary]`. */
  logits(): Promise<Float32Array>;
}

/** Decides what is fed as a continuous thought: a vector `[width]` (edited, steered, mixed of embeddings) or a token. */
export type DecideThought = (state: ThoughtState) => number | Float32Array | Promise<number | Float32Array>;

/** What is known where a model decides whether to take one more thought. */
export interface HaltingState {
  /** The row of the prompts. */
  row: number;
  /** Thoughts taken so far. */
  taken: number;
  /**
   * Of taking one more, by the halting head: `σ((w_more − w_stop) · s / √width)`. Where one mark alone ends thinking (CoLaR),
   * the likeliest token stands for `w_more`: one half where that is the mark, else above it.
   */
  probability: number;
}

/** Decides whether to take one more thought. */
export type DecideHalting = (state: HaltingState) => boolean;

/** Prompts that are thought through: generation continues from here. */
export interface ThoughtPrompts {
  /** Holds every position but those of `rest`. The caller frees it. */
  session: Session;
  /** What follows the thoughts, one position at least: the `inputs` of `write`. The caller frees its embeddings. */
  rest: EmbeddedPrompts;
  /** For each row, its thoughts. `last`: the state of each row's last position, with which generation begins. */
  thoughts(last: readonly Float32Array[]): Thought[][];
  /** For each row, how many thoughts took a pass of their own. */
  passes: number[];
}

/**
 * Thinks before answering: one pass up to the first thoughts, then a step for each continuous thought, whose input is the
 * hidden state before it (or what `nextInput` decides), all rows side by side on one session, with which generation
 * continues: every position is computed once. A thought's `position` counts back from the first generated token, at −1.
 */
export async function thinkInPrompt({
  model,
  prompts: { embeddings, forwardExtras, ids, thoughts },
  reading,
  room,
  halting,
  takesThought,
  feedback,
  nextInput,
  sights,
}: {
  model: LanguageModel;
  prompts: PromptsWithThoughts;
  /** Where a thought's state is read: the state before it, or the one at it. */
  reading: 'before' | 'at';
  /** Positions that generation may take after the prompt. */
  room: number;
  /** The marks by which the model decides after each state to think on or to answer. Default: it thinks all its thoughts. */
  halting?: ThinkingEnd;
  /** Decides by the halting head's probability. Default: where it is above one half. */
  takesThought?: DecideHalting;
  /** What a state goes through before it is fed back. Default: nothing. */
  feedback?: FeedbackMap;
  /** What continuous thoughts are fed. Default: the state before them. */
  nextInput?: DecideThought;
  /** By row, which positions attend to which, with the roles of the whole prompt. Default: causal, each position to all before it. */
  sights?: readonly WrittenRoles[];
}): Promise<ThoughtPrompts> {
  const [rows, time, width] = embeddings.shape;
  const lengths = ids.map(({ length }) => length);
  const steps = thoughts.map((row) => row.filter(({ kind }) => kind !== 'token'));
  // What comes before the thoughts; of a row without any, all but its last position, which is left to generation.
  const prefixes = steps.map((row, index) => row[0]?.position ?? lengths[index]! - 1);
  const prefix = Math.max(...prefixes);
  // A prompt that ends in a thought leaves the thought's input to generation.
  const planned = steps.map((row, index) =>
    row.length > 0 && row.at(-1)!.position === lengths[index]! - 1 ? row.length - 1 : row.length,
  );
  const rests = planned.map((count, row) =>
    Math.max(1, lengths[row]! - prefixes[row]! - (steps[row]!.length > count ? steps[row]!.length : count)),
  );
  const rest = Math.max(...rests);
  const session = new Session({
    model,
    batch: rows,
    capacity: prefix + Math.max(...planned) + rest + room,
    forwardExtras,
    feedback,
    sights,
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
    const from = keep(() => {
      const sources = Int32Array.from({ length: rows * prefix }, (_, index) => {
        const row = Math.floor(index / prefix);
        return Math.max(row * time, start(row) + (index % prefix) - (prefix - prefixes[row]!));
      });
      return session.feed({
        embeddings: tf.reshape(gatherRows({ input: flat, indices: sources }), [rows, prefix, width]) as tf.Tensor3D,
        mask: paddingMask({ lengths: prefixes, time: prefix }),
        ...(!tokenThoughts && { outputPositions: 1 }),
      });
    });
    const counts = new Array<number>(rows).fill(0);
    const decided: (number | Float32Array)[][] = steps.map(() => []);
    /** What a row is fed as its next thought, when the state before it is in `hidden`. */
    const inputOf = async (row: number, hidden: () => Promise<Float32Array>): Promise<SessionInput> => {
      const { kind, position, stage, index } = steps[row]![counts[row]!]!;
      if (kind === 'stepped') return ids[row]![position]!;
      if (!nextInput) return 'state';
      const state = await hidden();
      const input = await nextInput({
        row,
        thought: { stage, index },
        hidden: state,
        input: feedback === undefined ? state : await mapped(feedback, state),
        logits: () => logitsOf({ model, state }),
      });
      decided[row]!.push(input);
      return input;
    };
    let thinking = planned.map(() => true);
    const { states } = await session.run({
      from,
      async nextInput({ step, hidden }) {
        thinking = thinking.map((on, row) => on && planned[row]! > step);
        if (halting && thinking.includes(true)) {
          const preferences = await preferMore({ model, states: hidden, halting });
          thinking = thinking.map((on, row) => {
            if (!on) return false;
            const preference = preferences[row]!;
            if (!takesThought) return preference > 0;
            const probability = 1 / (1 + Math.exp(-preference / Math.sqrt(width)));
            return takesThought({ row, taken: counts[row]!, probability });
          });
        }
        const values = nextInput && ((await hidden.data()) as Float32Array);
        const inputs: SessionInput[] = [];
        for (const [row, on] of thinking.entries()) {
          inputs.push(on ? await inputOf(row, async () => values!.slice(row * width, (row + 1) * width)) : null);
          if (on) counts[row]! += 1;
        }
        return inputs;
      },
    });
    kept.push(...states);
    for (const [row, sight] of (sights ?? []).entries()) sight.skip(planned[row]! - counts[row]!);
    const table = keep(() => tf.reshape(tf.concat(states, 1), [rows * states.length, width]) as tf.Tensor2D);
    const fedTable = feedback === undefined ? table : keep(() => feedback.apply(table));
    const [stepStates, fedStates, prefixStates] = (await Promise.all([
      table.data(),
      fedTable.data(),
      tokenThoughts ? from.data() : undefined,
    ])) as [Float32Array, Float32Array, Float32Array | undefined];
    const at = (values: Float32Array, index: number) => values.slice(index * width, (index + 1) * width);
    // State t of a row is the one before its thought t.
    const stepState = (row: number, step: number) => at(stepStates, row * states.length + step);
    const lastInputs = await Promise.all(
      steps.map((row, index) =>
        row.length > planned[index]! ? inputOf(index, async () => stepState(index, counts[index]!)) : 'state',
      ),
    );
    const restEmbeddings = tf.tidy(() => {
      const lastStates = gatherRows({
        input: fedTable,
        indices: counts.map((count, row) => row * states.length + count),
      });
      const last = inputVectors({
        model,
        inputs: lastInputs,
        states: tf.reshape(lastStates, [rows, 1, width]) as tf.Tensor3D,
      });
      const sources = rests.flatMap((length, row) =>
        Array.from({ length: rest }, (_, column) =>
          steps[row]!.length > planned[row]!
            ? rows * time + row
            : start(row) + lengths[row]! - length + Math.max(0, column - (rest - length)),
        ),
      );
      const all = tf.concat([flat, tf.reshape(last, [rows, width])], 0) as tf.Tensor2D;
      return tf.reshape(gatherRows({ input: all, indices: sources }), [rows, rest, width]) as tf.Tensor3D;
    });
    return {
      session,
      rest: { embeddings: restEmbeddings, mask: paddingMask({ lengths: rests, time: rest }), forwardExtras },
      passes: counts,
      thoughts: (last) =>
        thoughts.map((row, index) => {
          const taken = counts[index]! + steps[index]!.length - planned[index]!;
          const stateAt = (position: number) => {
            const step = position - prefixes[index]! + 1;
            if (step < 0) return at(prefixStates!, index * prefix + prefix - prefixes[index]! + position);
            return step <= counts[index]! ? stepState(index, step) : last[index]!;
          };
          return thoughtsAt({
            places: steps[index]!.length === 0 ? row : row.slice(0, taken),
            stateAt,
            inputAt: (position) => {
              const place = row.find((thought) => thought.position === position)!;
              if (place.kind !== 'continuous') return ids[index]![position]!;
              const step = position - prefixes[index]!;
              return decided[index]![step] ?? at(fedStates, index * states.length + step);
            },
            reading,
            origin: lengths[index]! - (planned[index]! - counts[index]!),
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

/** By row, 0 where shorter ones are padded on the left; null where all have one length. */
function paddingMask({ lengths, time }: { lengths: readonly number[]; time: number }): number[][] | null {
  if (lengths.every((length) => length === time)) return null;
  return lengths.map((length) => Array.from({ length: time }, (_, column) => (column < time - length ? 0 : 1)));
}

async function mapped(feedback: FeedbackMap, state: Float32Array): Promise<Float32Array> {
  const input = tf.tidy(() => feedback.apply(tf.tensor2d(state, [1, state.length])));
  return (await input.data().finally(() => input.dispose())) as Float32Array;
}

async function logitsOf({ model, state }: { model: LanguageModel; state: Float32Array }): Promise<Float32Array> {
  const logits = tf.tidy(() => model.logits(tf.tensor2d(state, [1, state.length])));
  return (await logits.data().finally(() => logits.dispose())) as Float32Array;
}

/** For each row, how much larger the logit of the mark that opens another thought, or of any token, is than that of the one that ends thinking. `states`: `[rows, 1, width]`. */
async function preferMore({
  model,
  states,
  halting,
}: {
  model: LanguageModel;
  states: tf.Tensor3D;
  halting: ThinkingEnd;
}): Promise<Float32Array> {
  const difference = tf.tidy(() => {
    const logits = model.logits(tf.reshape(states, [states.shape[0], states.shape[2]]) as tf.Tensor2D);
    const of = (id: number) => tf.slice(logits, [0, id], [-1, 1]);
    const more = halting.more === undefined ? tf.max(logits, 1, true) : of(halting.more);
    return tf.sub(more, of(halting.stop));
  });
  return (await difference.data().finally(() => difference.dispose())) as Float32Array;
}
