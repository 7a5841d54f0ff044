import { fileURLToPath } from 'node:url';

import { createProgram, DataOrder, train, type TrainingPhase, type TrainOptions } from '../src/index';

const module = new URL('./fixtures/toy-program.mjs', import.meta.url).href;

/** The module's file, for messages of failing tests. */
export const toyProgramFile = fileURLToPath(module);

export const toySource = { module, options: { seed: 7 } };

const examples = Array.from({ length: 40 }, (_, index) => {
  const x = [Math.sin(index), Math.cos(index * 2), Math.sin(index * 3)];
  return { x, y: x[0]! * 0.5 - x[1]! * x[2]! };
});

/** A phase of the toy program; `poison` puts a NaN into the batch of those steps. */
export function toyPhase({ phase, steps, name = `phase ${phase}`, poison = [] }: { phase: number; steps: number; name?: string; poison?: number[] }): TrainingPhase {
  const order = new DataOrder({ count: examples.length, seed: 3, phase });
  return {
    name,
    steps,
    schedule: { learningRate: 0.02, warmupSteps: 2 },
    batch(step) {
      const chosen = order.batch({ step, size: 7 }).map((index) => examples[index]!);
      return [chosen.slice(0, 4), chosen.slice(4)].map((part) => ({
        inputs: Float32Array.from(part.flatMap(({ x }) => x)),
        targets: Float32Array.from(part.map(({ y }) => (poison.includes(step) ? Number.NaN : y))),
        weight: 1 / chosen.length,
      }));
    },
  };
}

/** Trains the toy program in a folder and gives the final weights. */
export async function trainToy(options: Partial<TrainOptions> & { folder: string }): Promise<{ status: string; steps: number; skippedSteps: number; weights: number[][] }> {
  const program = await createProgram(toySource);
  const outcome = await train({
    source: toySource,
    program,
    phases: [toyPhase({ phase: 0, steps: 30 }), toyPhase({ phase: 1, steps: 20 })],
    fingerprint: 'toy',
    workers: 0,
    checkpointSteps: 10,
    logSteps: 1,
    ...options,
  });
  const weights = program.parameters.map(({ variable }) => [...variable.dataSync()]);
  for (const { variable } of program.parameters) variable.dispose();
  return { ...outcome, weights };
}
