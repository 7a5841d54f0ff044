/**
 * The columns that stay when what nobody will look at any more goes: by row as many, −1 for padding on the left. Null where
 * less than half of the columns would go.
 */
export function leftColumns({
  left,
  places,
  seen,
}: {
  /** By row: whether nobody will look at a position any more; null where that is not known, and all stay. */
  left: readonly (((position: number) => boolean) | null)[];
  /** By row and column its position, −1 where it holds none. */
  places: readonly Int32Array[];
  /** By row and column, 0 where nothing sees it whatever comes. */
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
