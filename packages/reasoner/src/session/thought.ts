/** A stage held in hidden states: what a session hands to interpreters, probes and audits, and takes back changed. */
export interface Thought {
  /** Name of the stage. */
  stage: string;
  /** Which thought of the stage, from 0. */
  index: number;
  /** Its index among the generated tokens; below 0 where it stands in the prompt: −1 is the prompt's last. */
  position: number;
  /** What the model was fed there: a token by its id, or the vector `[width]` that stood in a token's place. */
  input: number | Float32Array;
  /** The state that is read as the thought, `[width]`: the one before its position or the one at it, as the reasoner's `thoughtReading` says. */
  hidden: Float32Array;
}

/** Makes the thoughts that stand at some places of a sequence; one whose state there is none of is left out. */
export function thoughtsAt({
  places,
  stateAt,
  inputAt,
  reading,
  origin = 0,
}: {
  places: readonly { stage: string; index: number; position: number }[];
  /** The state of a position; −1 is the one before the first. */
  stateAt: (position: number) => Float32Array | undefined;
  inputAt: (position: number) => number | Float32Array;
  reading: 'before' | 'at';
  /** The position that counts as 0 in what is made. @default 0 */
  origin?: number;
}): Thought[] {
  return places.flatMap(({ stage, index, position }) => {
    const hidden = stateAt(reading === 'at' ? position : position - 1);
    return hidden ? [{ stage, index, position: position - origin, input: inputAt(position), hidden }] : [];
  });
}
