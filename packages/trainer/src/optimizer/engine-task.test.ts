import { tf, useEngine } from '@subtext/tensor';
import { beforeAll, expect, it } from 'vitest';

import { createProgram } from '../loop/training-engine';
import { createSharedState, sumLosses } from '../parallel/shared-state';
import { createTrainingTask } from '../parallel/training-task';
import { toyPhase, toySource } from '../../test/toy-run';
import { createEngineTask } from './engine-task';
import { defaultAdamW } from './host-adamw';

beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
});

async function toy() {
  const program = await createProgram(toySource);
  const state = createSharedState({
    parameters: program.parameters.map(({ name, variable }) => ({ name, shape: variable.shape })),
    shards: 2,
  });
  for (const [index, { offset }] of state.spans.entries())
    state.parameters.set(program.parameters[index]!.variable.dataSync(), offset);
  return { program, state };
}

const phase = toyPhase({ phase: 0, steps: 12 });
const request = async (step: number, shards?: unknown[]) => ({
  shards: shards ?? (await phase.source.batch(step)),
  learningRate: 0.02,
  step: step + 1,
  settings: { ...defaultAdamW, beta2: 0.95 },
  clipNorm: 0.5,
});

it('takes the steps of the host’s optimizer, to rounding, and keeps no tensors', async () => {
  const [onHost, onEngine] = [await toy(), await toy()];
  const host = createTrainingTask(onHost);
  const engine = createEngineTask(onEngine);
  host.load();
  engine.load();
  let tensors = 0;
  for (let step = 0; step < 12; step++) {
    const [expected, result] = [host.step(await request(step)), await engine.step(await request(step))];
    expect(result.updated).toBe(true);
    for (const [value, wanted] of [
      [result.loss, expected.loss],
      [result.gradientNorm, expected.gradientNorm],
      [result.metrics.twice!, expected.metrics.twice!],
    ] as const) {
      expect(Math.abs(value - wanted)).toBeLessThan(1e-5 * Math.max(1, wanted));
    }
    // The moments come with the first step.
    if (step === 1) tensors = tf.memory().numTensors;
    if (step > 1) expect(tf.memory().numTensors).toBe(tensors);
  }
  await engine.evaluate({ shards: await phase.source.batch(0) });
  host.evaluate({ shards: await phase.source.batch(0) });
  expect(sumLosses(onEngine.state)).toBeCloseTo(sumLosses(onHost.state), 5);
  await engine.store();
  for (const name of ['parameters', 'firstMoments', 'secondMoments'] as const) {
    onEngine.state[name].forEach((value, index) =>
      expect(Math.abs(value - onHost.state[name][index]!)).toBeLessThan(1e-5),
    );
  }
});

it('goes on from what it stored with the same bits', async () => {
  const whole = await toy();
  const uninterrupted = createEngineTask(whole);
  uninterrupted.load();
  for (let step = 0; step < 8; step++) await uninterrupted.step(await request(step));
  await uninterrupted.store();

  const cut = await toy();
  const before = createEngineTask(cut);
  before.load();
  for (let step = 0; step < 5; step++) await before.step(await request(step));
  await before.store();
  const after = createEngineTask({ program: await createProgram(toySource), state: cut.state });
  after.load();
  for (let step = 5; step < 8; step++) await after.step(await request(step));
  await after.store();
  for (const name of ['parameters', 'firstMoments', 'secondMoments'] as const)
    expect(cut.state[name]).toEqual(whole.state[name]);
});

it('leaves the weights of a bad step alone, and forgets moments when a phase counts from 1', async () => {
  const { program, state } = await toy();
  const task = createEngineTask({ program, state });
  task.load();
  await task.step(await request(0));
  await task.store();
  const weights = state.parameters.slice();
  const poisoned = await toyPhase({ phase: 0, steps: 2, poison: [1] }).source.batch(1);
  expect(await task.step(await request(1, poisoned))).toMatchObject({ updated: false, loss: NaN });
  await task.store();
  expect(state.parameters).toEqual(weights);
  // What train() does where a phase starts afresh.
  state.firstMoments.fill(0);
  state.secondMoments.fill(0);
  await task.step(await request(0));
  await task.store();
  const fresh = await toy();
  fresh.state.parameters.set(weights);
  const other = createEngineTask(fresh);
  other.load();
  await other.step(await request(0));
  await other.store();
  expect(state.secondMoments).toEqual(fresh.state.secondMoments);
});
