/** What a swapped stage did to the answer. */
export interface Verdict {
  word: 'yes' | 'no' | 'changed' | 'stayed' | 'cannot tell';
  says: string;
}

const same = (one: string | null, other: string | null) =>
  one !== null && other !== null && one.trim().toLowerCase() === other.trim().toLowerCase();

/** What a change did to an answer, in a word. */
export function judge({
  own,
  now,
  expected,
}: {
  own: string | null;
  now: string | null;
  /** What follows from the change; null where the data does not tell. */
  expected: string | null;
}): Verdict {
  if (expected === null)
    return same(own, now)
      ? { word: 'stayed', says: `The answer stays “${own}”.` }
      : { word: 'changed', says: `The answer changes from “${own ?? 'none'}” to “${now ?? 'none'}”.` };
  if (same(expected, own))
    return {
      word: 'cannot tell',
      says: `“${expected}” follows from both thoughts, so this example cannot tell. Choose another one.`,
    };
  if (same(expected, now))
    return { word: 'yes', says: `“${expected}” follows from the other thought, and that is the answer.` };
  return {
    word: 'no',
    says: `“${expected}” follows from the other thought; the answer ${same(own, now) ? `stays “${own}”` : `is “${now ?? 'none'}”`}.`,
  };
}
