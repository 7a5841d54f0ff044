import { collateLayouts, type ThoughtPosition } from '@subtext/reasoner';

import type { ExplanationLayout } from './explanation-layout';

/** Where a thought's state is read, relative to the thinking token. */
export type ThoughtReading =
  /** The state that predicts the token, one position earlier, as in Heima. */
  | 'before'
  /** The state at the token itself. */
  | 'at';

/** A batch of explanations for one interpreter. */
export interface ExplanationBatch {
  /** Index of the interpreter in the program. */
  interpreter: number;
  rows: number;
  time: number;
  /** int32 `[rows, time]` */
  ids: Int32Array;
  lossRows: Int32Array;
  lossLabels: Int32Array;
  lossWeight: number;
  /** Index `row · time + position` of every slot. */
  slotRows: Int32Array;
  /** For each slot, the row of the reasoner's states `[rows · time]` to insert. */
  stateRows: Int32Array;
}

/** Row index of a thought's state in the reasoner's states. */
export function stateRow({
  row,
  time,
  thought,
  reading,
}: {
  row: number;
  time: number;
  thought: ThoughtPosition;
  reading: ThoughtReading;
}): number {
  return row * time + thought.position - (reading === 'before' ? 1 : 0);
}

/** Pads explanations to the same length. */
export function collateExplanations({
  items,
  interpreter,
  padId,
  lossWeight,
}: {
  items: readonly { layout: ExplanationLayout; stateRows: readonly number[] }[];
  interpreter: number;
  padId: number;
  lossWeight: number;
}): ExplanationBatch {
  const batch = collateLayouts({
    layouts: items.map(({ layout }) => ({ ...layout, thoughts: [] })),
    padId,
    lossWeight,
  });
  return {
    ...batch,
    interpreter,
    slotRows: Int32Array.from(items.flatMap(({ layout }, row) => layout.slots.map((slot) => row * batch.time + slot))),
    stateRows: Int32Array.from(items.flatMap(({ stateRows }) => stateRows)),
  };
}
