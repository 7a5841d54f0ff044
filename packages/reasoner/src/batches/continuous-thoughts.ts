import { ReasonerError } from '../errors';
import type { Layout } from '../methods/reasoning-method';

/**
 * Where the continuous thoughts of a batch stand. Its rows are moved to the right so that all first thoughts share a
 * column: what comes before them is one pass, then every column of thoughts is one.
 */
export interface ContinuousThoughts {
  /** Column of every first thought. */
  start: number;
  /** Thoughts of each row, one after the other from `start`; 0 where a row has none. `[rows]` */
  counts: Int32Array;
  /** Padding before each row. `[rows]` */
  offsets: Int32Array;
  /** Position of each column in its own row, counted without the padding, which has 0. `[rows, time]` */
  positions: Int32Array;
  largestPosition: number;
  /** Whether a thought's input is the hidden state before it; else the token that stands there, one pass each. @default true */
  fedBack?: boolean;
  /**
   * Where thoughts are tokens to which the state before them is added: all their columns, in order, with words between them
   * or not. @default thoughts stand one after the other from `start`, and are no tokens
   */
  added?: readonly AddedColumn[];
}

/** A column of thoughts to which the states before them are added. */
export interface AddedColumn {
  column: number;
  /** By row, 1 where it has a thought there. `[rows]` */
  thinking: Float32Array;
}

/** Aligns the rows' first continuous thoughts. Undefined where no row has any. `time` is that of the moved rows. */
export function alignThoughts(
  layouts: readonly Layout[],
): { time: number; continuous: ContinuousThoughts } | undefined {
  const inSteps = layouts.map(({ thoughts, inputs = [] }) => {
    const given = new Set(inputs.map(({ position }) => position));
    return thoughts.filter(({ kind, position }) => kind !== 'token' && !given.has(position));
  });
  const rows = inSteps.map((thoughts) => thoughts.map(({ position }) => position));
  if (rows.every(({ length }) => length === 0)) return undefined;
  const isAdded = inSteps.some((thoughts) => thoughts.some(({ kind }) => kind === 'added'));
  for (const positions of rows) {
    if (positions[0] !== 0 && isAdded) continue;
    if (positions[0] === 0 || positions.some((position, index) => position !== positions[0]! + index)) {
      throw new ReasonerError({
        code: 'invalid-option',
        message: `Continuous thoughts stand one after the other behind at least one token; this method has them at the positions ${positions.join(', ')}.`,
      });
    }
  }
  const start = Math.max(...rows.map(([first = 0]) => first));
  const offsets = Int32Array.from(rows, ([first]) => (first === undefined ? 0 : start - first));
  const time = layouts.reduce((longest, { ids }, row) => Math.max(longest, offsets[row]! + ids.length), 1);
  const positions = new Int32Array(layouts.length * time);
  let largestPosition = 0;
  for (const [row, { ids }] of layouts.entries()) {
    for (let position = 0; position < ids.length; position++)
      positions[row * time + offsets[row]! + position] = position;
    largestPosition = Math.max(largestPosition, ids.length - 1);
  }
  return {
    time,
    continuous: {
      start,
      counts: Int32Array.from(rows, ({ length }) => length),
      offsets,
      positions,
      largestPosition,
      fedBack: inSteps.some((thoughts) => thoughts.some(({ kind }) => kind === 'continuous')),
      ...(isAdded && { added: addedColumns({ rows, offsets }) }),
    },
  };
}

/** The columns in which any row has a thought. */
function addedColumns({ rows, offsets }: { rows: readonly number[][]; offsets: Int32Array }): AddedColumn[] {
  const columns = new Map<number, Float32Array>();
  for (const [row, positions] of rows.entries()) {
    for (const position of positions) {
      const column = offsets[row]! + position;
      const thinking = columns.get(column) ?? new Float32Array(rows.length);
      thinking[row] = 1;
      columns.set(column, thinking);
    }
  }
  return [...columns].sort(([one], [other]) => one - other).map(([column, thinking]) => ({ column, thinking }));
}
