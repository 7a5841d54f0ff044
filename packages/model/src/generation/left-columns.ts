/**
 * The columns to keep when positions that can no longer be attended to are dropped: the same number in each row, −1 for
 * left padding. Null if fewer than half of the columns would be dropped.
 */
export function leftColumns({
  left,
  places,
  seen,
}: {
  /** By row: whether no later position can attend to a position; null if unknown, and all are kept. */
  left: readonly (((position: number) => boolean) | null)[];
  /** By row and column: its position, −1 if there is none. */
  places: readonly Int32Array[];
  /** By row and column: 0 if it is masked for all future positions. */
  seen: readonly ArrayLike<number>[];
}): Int32Array[] | null {
  const length = places[0]?.length ?? 0;
  const kept = places.map((own, row) => {
    const goes = left[row];
    return [...own.keys()].filter((column) => seen[row]![column] !== 0 && goes?.(own[column]!) !== true);
  });
  const most = Math.max(1, ...kept.map((columns) => columns.length));
  if (2 * most > length) return null;
  return kept.map((columns) => Int32Array.from([...new Array<number>(most - columns.length).fill(-1), ...columns]));
}
