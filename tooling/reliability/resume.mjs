/**
 * Exact resume on an engine of your choice: trains a small network through two phases at once, and again with a stop
 * mid-phase or at the border, and says by how much the final weights differ.
 *
 *     node tooling/reliability/resume.mjs tensorflow
 *
 * `cpu` and `wasm` must give the same bytes, others stay within the tolerance; tests hold the first two.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { engineName, useEngine } from '../../packages/tensor/dist/index.js';
import { createProgram, DataOrder, train } from '../../packages/trainer/dist/index.js';
import { tuneProcess } from '../../packages/core/dist/node.js';

/* global AbortController */

/** Largest difference of a weight on engines that may sum in another order each time. */
const tolerance = 1e-5;

const engine = process.argv[2] ?? 'wasm';
tuneProcess();
await useEngine({ engine });
const source = {
  module: new URL('../../packages/trainer/test/fixtures/toy-program.mjs', import.meta.url).href,
  options: { seed: 7 },
};
const examples = Array.from({ length: 40 }, (_, index) => {
  const x = [Math.sin(index), Math.cos(index * 2), Math.sin(index * 3)];
  return { x, y: x[0] * 0.5 - x[1] * x[2] };
});

function phaseOf(phase, steps) {
  const order = new DataOrder({ count: examples.length, seed: 3, phase });
  return {
    name: `phase ${phase}`,
    steps,
    schedule: { learningRate: 0.02, warmupSteps: 2 },
    source: {
      batch(step) {
        const chosen = order.batch({ step, size: 7 }).map((index) => examples[index]);
        return [chosen.slice(0, 4), chosen.slice(4)].map((part) => ({
          inputs: Float32Array.from(part.flatMap(({ x }) => x)),
          targets: Float32Array.from(part.map(({ y }) => y)),
          weight: 1 / chosen.length,
        }));
      },
    },
  };
}

const folder = mkdtempSync(join(tmpdir(), 'subtext-resume-'));
async function run(name, options = {}) {
  const program = await createProgram(source);
  await train({
    folder: join(folder, name),
    source,
    program,
    phases: [phaseOf(0, 30), phaseOf(1, 20)],
    fingerprint: 'resume',
    workers: 0,
    checkpointSteps: 10,
    logSteps: 1,
    ...options,
  });
  return program.parameters.flatMap(({ variable }) => [...variable.dataSync()]);
}

try {
  const whole = await run('whole');
  const log = (name) => readFileSync(join(folder, name, 'log.jsonl'), 'utf8');
  let worst = 0;
  for (const stopAt of [0, 13, 30, 41]) {
    const name = `stopped-${stopAt}`;
    if (stopAt > 0) {
      const controller = new AbortController();
      await run(name, { signal: controller.signal, onProgress: ({ step }) => step === stopAt && controller.abort() });
    }
    const weights = await run(name);
    const difference = Math.max(...whole.map((value, index) => Math.abs(value - weights[index])));
    worst = Math.max(worst, difference);
    console.log(
      `${engineName()}: ${stopAt === 0 ? 'the whole run again' : `stopped at step ${stopAt} of 50`}: largest difference ${difference}, ${log(name) === log('whole') ? 'the same log' : 'another log'}`,
    );
  }
  const allowed = ['cpu', 'wasm', 'native'].includes(engineName()) ? 0 : tolerance;
  process.exitCode = worst <= allowed ? 0 : 1;
  console.log(worst <= allowed ? `passed: at most ${allowed}` : `FAILED: more than ${allowed}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
