import type { RandomStream } from '@subtext/data';

import { DecoderError } from '../errors';

/** Which states train and which test, by their places. */
export interface Split {
  training: number[];
  test: number[];
}

/** By state: what goes to one side as a whole, such as one example's states. */
type Keys = readonly (string | number)[];

/** Holds a share of the groups out. @throws DecoderError invalid-option for a share that is none; empty-set for one group */
export function holdOut({ groups, share, random }: { groups: Keys; share: number; random: RandomStream }): Split {
  if (!(share > 0 && share < 1))
    throw new DecoderError({
      code: 'invalid-option',
      message: `A held-out share of ${share} is not between 0 and 1.`,
    });
  const order = shuffledGroups({ groups, random });
  const size = Math.min(order.length - 1, Math.max(1, Math.round(share * order.length)));
  return splitBy({ groups, out: order.slice(0, size) });
}

/** Holds each group out once: splits as many as there are folds, or groups where those are fewer. @throws DecoderError as {@link holdOut} */
export function foldsOf({ groups, folds, random }: { groups: Keys; folds: number; random: RandomStream }): Split[] {
  if (!Number.isInteger(folds) || folds < 2)
    throw new DecoderError({
      code: 'invalid-option',
      message: `${folds} folds do not hold every state out; give a whole number of 2 or more.`,
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
        'The states are all of one group, and holding some out needs two groups or more; give states of more examples.',
    });
  return random.shuffle(distinct);
}

function splitBy({ groups, out }: { groups: Keys; out: readonly string[] }): Split {
  const held = new Set(out);
  const split: Split = { training: [], test: [] };
  for (const [index, group] of groups.entries()) split[held.has(String(group)) ? 'test' : 'training'].push(index);
  return split;
}
