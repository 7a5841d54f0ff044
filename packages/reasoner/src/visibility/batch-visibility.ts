import type { PassVisibility } from '@subtext/model';
import { tf } from '@subtext/tensor';

import { IMAGE, type Role } from './roles';
import { SequenceSight } from './sequence-sight';
import type { VisibilityTable } from './visibility-table';

/** Which positions attend to which in a batch; plain arrays, so that it can be posted to a worker. */
export interface BatchVisibility {
  /** By position, which of the batch's roles it has; −1 on padding. `[rows, time]` */
  roles: Int16Array;
  /** How many roles the batch has. */
  count: number;
  /** Whether a row's positions of one role may look at those of another. `[rows, count, count]` */
  sees: Uint8Array;
  /** Whether they may look at pictures beside the sequence. `[rows, count]` */
  pictures: Uint8Array;
}

/** The visibility of rows, each behind its columns of padding. */
export function batchVisibility({
  rows,
  time,
}: {
  rows: readonly { roles: readonly Role[]; table: VisibilityTable; offset: number }[];
  time: number;
}): BatchVisibility {
  const numbers = new Map<Role, number>();
  const roles = new Int16Array(rows.length * time).fill(-1);
  const sights = rows.map(({ roles: own, table, offset }, row) => {
    const sight = new SequenceSight(table);
    for (const [position, role] of own.entries()) {
      sight.add(role);
      const number = numbers.get(role) ?? numbers.size;
      numbers.set(role, number);
      roles[row * time + offset + position] = number;
    }
    return sight;
  });
  const names = [...numbers.keys()];
  const count = names.length;
  return {
    roles,
    count,
    sees: Uint8Array.from(
      sights.flatMap((sight) => names.flatMap((role) => names.map((key) => (sight.roleSees(role, key) ? 1 : 0)))),
    ),
    pictures: Uint8Array.from(sights.flatMap((sight) => names.map((role) => (sight.roleSees(role, IMAGE) ? 1 : 0)))),
  };
}

/** What the columns `from` … `to − 1` of a batch may look at, of the columns up to `to`. */
export function passVisibility({
  visibility: { roles, count, sees, pictures },
  time,
  from = 0,
  to = time,
}: {
  visibility: BatchVisibility;
  /** Columns of the batch. */
  time: number;
  /** @default 0 */
  from?: number;
  /** @default time */
  to?: number;
}): PassVisibility {
  const rows = roles.length / time;
  const length = to - from;
  const keys = new Int32Array(rows * length * to);
  const sighted = new Uint8Array(rows * length);
  for (let row = 0; row < rows; row++) {
    const own = roles.subarray(row * time, row * time + to);
    for (let column = from; column < to; column++) {
      const role = own[column]!;
      if (role < 0) continue;
      const place = row * length + column - from;
      const line = (row * count + role) * count;
      for (let key = 0; key <= column; key++) {
        const other = own[key]!;
        if (other >= 0) keys[place * to + key] = sees[line + other]!;
      }
      sighted[place] = pictures[row * count + role]!;
    }
  }
  // Padding has no role, so that no position looks at it.
  return { keys: tf.tensor3d(keys, [rows, length, to], 'int32'), complete: true, pictures: sighted };
}
