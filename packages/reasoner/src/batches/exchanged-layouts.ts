import { IGNORED_LABEL, type Layout, type LayoutContext } from '../methods/reasoning-method';
import type { BatchVisibility } from '../visibility/batch-visibility';
import { ANSWER, isOfStage, isTag, isTold } from '../visibility/roles';
import { SequenceSight } from '../visibility/sequence-sight';
import { collateLayouts, type ReasonerBatch } from './reasoner-batch';

/** A sequence whose thoughts of a stage are another's. */
export interface ExchangedLayout {
  /** The sequence that goes on; its labels say what it must predict. */
  own: Layout;
  /** Whose thoughts it goes on from. */
  donor: Layout;
  stage: string;
}

/**
 * Whether a stage's thoughts in a layout can be exchanged: it has roles and a table, the stage is hidden, and nothing between
 * the stage and the answer is written as text, which would say what follows from the own thoughts.
 */
export function canExchange({ layout, stage }: { layout: Layout; stage: string }): boolean {
  const { roles, thoughts, visibility } = layout;
  if (!roles || !visibility) return false;
  const own = thoughts.filter((thought) => thought.stage === stage);
  if (own.length === 0) return false;
  const places = new Set(thoughts.map(({ position }) => position));
  const last = Math.max(...own.map(({ position }) => position));
  return roles.every(
    (role, position) => position <= last || !isOfStage(role) || isTag(role) || isTold(role) || places.has(position),
  );
}

/**
 * A layout that ends with another answer, which alone it must predict: what follows from another's thoughts. Words behind the
 * answer, which tell the own thoughts, are gone.
 *
 * @param options.layout with its roles; its answer's marks are as the context's format has them
 */
export function withAnswer({
  layout: { ids, roles = [], ...layout },
  answer,
  context,
}: {
  layout: Layout;
  answer: string;
  context: Pick<LayoutContext, 'tokenizer' | 'format' | 'endId'>;
}): Layout {
  const encode = (text: string) => (text === '' ? [] : context.tokenizer.encode(text, { addSpecialTokens: false }).ids);
  const { open, close } = context.format.answer;
  const begin = roles.indexOf(ANSWER);
  const told = [...encode(open), ...encode(answer), ...encode(close), context.endId];
  const before = ids.slice(0, begin);
  return {
    ...layout,
    ids: [...before, ...told],
    labels: [...before.map(() => IGNORED_LABEL), ...told],
    roles: [...roles.slice(0, begin), ...told.map(() => ANSWER)],
  };
}

/**
 * A batch in which each sequence goes on from another's thoughts of a stage (interchange intervention training: Geiger et
 * al., arXiv 2112.00826). A row is the donor up to its last thought of the stage and behind it the own sequence, which
 * cannot see it but for these thoughts, where it would see its own; both are counted from where these thoughts stand at one
 * position, so that rotations are as they are when keys and values are exchanged in answering.
 *
 * @param options.pairs each of which `canExchange` allows in both layouts, with as many thoughts of the stage
 */
export function collateExchanged({
  pairs,
  padId,
  lossWeight,
}: {
  pairs: readonly ExchangedLayout[];
  padId: number;
  lossWeight: number;
}): ReasonerBatch {
  const joined = pairs.map(({ own, donor, stage }) => {
    const first = (layout: Layout) => layout.thoughts.find((thought) => thought.stage === stage)!.position;
    const cut =
      Math.max(...donor.thoughts.flatMap((thought) => (thought.stage === stage ? [thought.position] : []))) + 1;
    const [shift, ownShift] = [first(own) - first(donor), first(donor) - first(own)].map((by) => Math.max(0, by));
    return { cut, donorShift: shift!, ownShift: ownShift! };
  });
  const batch = collateLayouts({
    layouts: pairs.map(({ own, donor }, row): Layout => {
      const { cut } = joined[row]!;
      return {
        ids: [...donor.ids.slice(0, cut), ...own.ids],
        labels: [...new Array<number>(cut).fill(IGNORED_LABEL), ...own.labels],
        promptLength: cut + own.promptLength,
        thoughts: [
          ...donor.thoughts.filter(({ position }) => position < cut),
          ...own.thoughts.map((thought) => ({ ...thought, position: cut + thought.position })),
        ],
      };
    }),
    padId,
    lossWeight,
  });
  const { rows, time, continuous } = batch;
  const values = new Int32Array(rows * time);
  for (const [row, { cut, donorShift, ownShift }] of joined.entries()) {
    const offset = row * time + (continuous?.offsets[row] ?? 0);
    const length = cut + pairs[row]!.own.ids.length;
    for (let place = 0; place < length; place++)
      values[offset + place] = place < cut ? place + donorShift : place - cut + ownShift;
  }
  return {
    ...batch,
    positions: { values, largest: values.reduce((most, value) => Math.max(most, value), 0) },
    visibility: exchangedVisibility({ pairs, cuts: joined.map(({ cut }) => cut), time, offsets: continuous?.offsets }),
  };
}

/** What a position of a row is of: the donor, or the own sequence up to the stage's last thought, or behind it. */
const [DONOR, BEFORE, BEHIND] = ['d', 'o', 'p'];

/** The roles of both sequences of a row, told apart, and who of them sees whom. */
function exchangedVisibility({
  pairs,
  cuts,
  time,
  offsets,
}: {
  pairs: readonly ExchangedLayout[];
  cuts: readonly number[];
  time: number;
  offsets: Int32Array | undefined;
}): BatchVisibility {
  const numbers = new Map<string, number>();
  const numberOf = (name: string) => {
    const number = numbers.get(name) ?? numbers.size;
    numbers.set(name, number);
    return number;
  };
  const roles = new Int16Array(pairs.length * time).fill(-1);
  const sights = pairs.map(({ own, donor, stage }, row) => {
    const last = Math.max(...own.thoughts.flatMap((thought) => (thought.stage === stage ? [thought.position] : [])));
    const tell = (layout: Layout, count: number, from: number, kind: (position: number) => string) => {
      const sight = new SequenceSight(layout.visibility!);
      for (const [position, role] of layout.roles!.slice(0, count).entries()) {
        sight.add(role);
        roles[row * time + (offsets?.[row] ?? 0) + from + position] = numberOf(`${kind(position)}${role}`);
      }
      return sight;
    };
    const cut = cuts[row]!;
    return {
      donor: tell(donor, cut, 0, () => DONOR),
      own: tell(own, own.roles!.length, cut, (position) => (position > last ? BEHIND : BEFORE)),
    };
  });
  const names = [...numbers.keys()].map((name) => ({ kind: name[0], role: name.slice(1) }));
  const sees = sights.flatMap((sight, row) => {
    const { stage } = pairs[row]!;
    return names.flatMap((looking) =>
      names.map((shown) => {
        const isDonor = shown.kind === DONOR;
        if (looking.kind === DONOR) return isDonor && sight.donor.roleSees(looking.role, shown.role) ? 1 : 0;
        // Behind the stage, whoever sees it sees the donor's.
        const exchanged = looking.kind === BEHIND && shown.role === stage;
        return isDonor === exchanged && sight.own.roleSees(looking.role, shown.role) ? 1 : 0;
      }),
    );
  });
  const count = names.length;
  return { roles, count, sees: Uint8Array.from(sees), pictures: new Uint8Array(pairs.length * count) };
}
