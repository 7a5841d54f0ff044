import { fileURLToPath } from 'node:url';

import { DataOrder } from '../src/batches/data-order';
import { train } from '../src/loop/train';
import type { TrainingOutcome, TrainingPhase, TrainOptions } from '../src/loop/train-options';
import { createProgram } from '../src/loop/training-engine';
import type { Source } from '../src/sources/source';

const module = new URL('./fixtures/toy-program.mjs', import.meta.url).href;

/** The module's file, for messages of failing tests. */
export const toyProgramFile = fileURLToPath(module);

export const toySource = { module, options: { seed: 7 } };

const examples = Array.from({ length: 40 }, (_, index) => {
  const x = [Math.sin(index), Math.cos(index * 2), Math.sin(index * 3)];
  return { x, y: x[0]! * 0.5 - x[1]! * x[2]! };
});

function shardsOf(chosen: typeof examples, { poisoned = false } = {}) {
  return [chosen.slice(0, 4), chosen.slice(4)].map((part) => ({
    inputs: Float32Array.from(part.flatMap(({ x }) => x)),
    targets: Float32Array.from(part.map(({ y }) => (poisoned ? Number.NaN : y))),
    weight: 1 / chosen.length,
  }));
}

/** Held-out examples of the toy: two batches of seven; `shift` moves their targets away from what is trained. */
export function toyValidation({ shift = 0 } = {}): NonNullable<TrainingPhase['validation']> {
  const heldOut = Array.from({ length: 14 }, (_, index) => {
    const x = [Math.cos(index), Math.sin(index * 5), Math.cos(index * 7)];
    return { x, y: x[0]! * 0.5 - x[1]! * x[2]! + shift };
  });
  return { count: 2, source: { batch: (index) => shardsOf(heldOut.slice(index * 7, index * 7 + 7)) } };
}

/** A phase of the toy program; `poison` puts a NaN into the batch of those steps. */
export function toyPhase({
  phase,
  steps,
  name = `phase ${phase}`,
  poison = [],
  describe,
  ...rest
}: {
  phase: number;
  steps: number;
  poison?: number[];
  describe?: Source['describe'];
} & Partial<TrainingPhase>): TrainingPhase {
  const order = new DataOrder({ count: examples.length, seed: 3, phase });
  return {
    name,
    steps,
    schedule: { learningRate: 0.02, warmupSteps: 2 },
    source: {
      batch: (step) =>
        shardsOf(
          order.batch({ step, size: 7 }).map((index) => examples[index]!),
          { poisoned: poison.includes(step) },
        ),
      describe,
    },
    ...rest,
  };
}

/** Trains the toy program in a folder and gives the final weights. */
export async function trainToy(
  options: Partial<TrainOptions> & { folder: string },
): Promise<Omit<TrainingOutcome, 'seconds'> & { weights: number[][] }> {
  const program = await createProgram(toySource);
  const { seconds: _seconds, ...outcome } = await train({
    source: toySource,
    program,
    phases: [toyPhase({ phase: 0, steps: 30 }), toyPhase({ phase: 1, steps: 20 })],
    fingerprint: 'toy',
    workers: 0,
    checkpointSteps: 10,
    logSteps: 1,
    ...options,
  });
  const weights = await Promise.all(program.parameters.map(async ({ variable }) => [...(await variable.data())]));
  for (const { variable } of program.parameters) variable.dispose();
  return { ...outcome, weights };
}
