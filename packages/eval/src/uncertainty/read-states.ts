import { questionStates, trainSoftmaxProbe } from '@subtext/decoder';
import { RandomStream } from '@subtext/data';
import type { Reasoner } from '@subtext/reasoner';

import { statesAt } from '../probes/thoughts-of-all';
import type { AskedQuestions } from './asked-questions';
import type { ReadDistributions } from './uncertainty-reading';

/** What readers are trained by, and what they read. */
interface Sides {
  training: AskedQuestions;
  measured: AskedQuestions;
  labels: readonly string[];
  /** Hidden units of readers. */
  units: number;
}

/** Trains a reader on states by what was drawn, and lets it read those of other questions. */
export function readByProbe({
  training,
  measured,
  labels,
  units,
  states,
  drawn = training.drawn,
}: Sides & {
  states: (asked: AskedQuestions) => readonly ArrayLike<number>[];
  /** @default the training questions' own */
  drawn?: readonly string[];
}): number[][] {
  const probe = trainSoftmaxProbe({ states: states(training), labels: drawn, known: labels, units });
  return states(measured).map((state) => probe.read(state));
}

/** What the question's states tell before any thought: its last position, and the mean of all. None where there are none. */
export async function readQuestions({
  reasoner,
  batch,
  signal,
  ...sides
}: Sides & { reasoner: Reasoner; batch: number; signal?: AbortSignal }): Promise<ReadDistributions[]> {
  const found = new Map<AskedQuestions, { last: Float32Array; mean: Float32Array }[]>();
  for (const side of [sides.training, sides.measured]) {
    const states = await questionStates({ ...side, reasoner, count: 1, batch, signal });
    const usable = states.flatMap(({ last: [last], mean }) => (last === undefined ? [] : [{ last, mean }]));
    if (usable.length < states.length) return [];
    found.set(side, usable);
  }
  const reading = (which: 'last' | 'mean', name: string): ReadDistributions => ({
    ...{ source: 'question', name },
    read: readByProbe({ ...sides, states: (asked) => found.get(asked)!.map((state) => state[which]) }),
  });
  return [
    reading('last', 'last position of the question, before any thought'),
    reading('mean', 'mean of the question, before any thought'),
  ];
}

/** What a reader of a thought says that was trained on labels of other questions. */
export function readShuffled({
  stage,
  index,
  seed,
  ...sides
}: Sides & { stage: string; index: number; seed: number }): ReadDistributions {
  const random = new RandomStream({ seed, name: 'uncertainty control' });
  return {
    source: 'shuffled',
    name: `thought ${index + 1} of ${stage}, labels shuffled`,
    read: readByProbe({
      ...sides,
      states: ({ answers }) => statesAt({ answers, stage, index }),
      drawn: random.shuffle(sides.training.drawn),
    }),
  };
}
