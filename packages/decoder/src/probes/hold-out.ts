import type { RandomStream } from '@subtext/data';

import { DecoderError } from '../errors';

/** Indices of training and test states. */
export interface Split {
  training: number[];
  test: number[];
}

/** By state: its group, such as its example; groups are not split. */
type Keys = readonly (string | number)[];

/**
 * Holds out a fraction of the groups. @throws DecoderError invalid-option for an invalid fraction; empty-set for a
 * single group
 */
export function holdOut({ groups, share, random }: { groups: Keys; share: number; random: RandomStream }): Split {
  if (!(share > 0 && share < 1))
    throw new DecoderError({
      code: 'invalid-option',
      message: `The held-out fraction ${share} is not between 0 and 1.`,
    });
  const order = shuffledGroups({ groups, random });
  const size = Math.min(order.length - 1, Math.max(1, Math.round(share * order.length)));
  return splitBy({ groups, out: order.slice(0, size) });
}

/**
 * Cross-validation splits: as many as folds, or as groups if those are fewer. @throws DecoderError as {@link holdOut}
 */
export function foldsOf({ groups, folds, random }: { groups: Keys; folds: number; random: RandomStream }): Split[] {
  if (!Number.isInteger(folds) || folds < 2)
    throw new DecoderError({
      code: 'invalid-option',
      message: `${folds} folds is not valid; pass an integer of at least 2.`,
    });
  const order = shuffledGroups({ groups, random });
  return Array.from({ length: Math.min(folds, order.length) }, (_, fold) =>
    splitBy({ groups, out: order.filter((__, place) => place % folds === fold) }),
  );
}

function shuffledGroups({ groups, random }: { groups: Keys; random: RandomStream }): string[] {
  const distinct = [...new Set(groups.map(String))];
  if (distinct.length < 2)
    throw new DecoderError({
      code: 'empty-set',
      message:
        'All states are of the same group, but holding some out needs at least two; pass states of more examples.',
    });
  return random.shuffle(distinct);
}

function splitBy({ groups, out }: { groups: Keys; out: readonly string[] }): Split {
  const held = new Set(out);
  const split: Split = { training: [], test: [] };
  for (const [index, group] of groups.entries()) split[held.has(String(group)) ? 'test' : 'training'].push(index);
  return split;
}
