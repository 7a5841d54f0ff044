import { loadMonitor, monitorScore, saveMonitor } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { calculations, trainCalculatingReasoner } from '../../test/arithmetic-reasoner';
import { formatTask } from '../tasks/format-task';
import { loadTask, type LoadedTask } from '../tasks/registry';
import { makeMonitor } from './make-monitor';

let folder: string;
let training: LoadedTask;
let test: LoadedTask;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-monitor-'));
  const reasoner = trainCalculatingReasoner();
  await reasoner.save({ folder: join(folder, 'reasoner') });
  reasoner.dispose();
  const load = async (name: string, seed: number) => {
    const path = join(folder, name);
    const lines = calculations({ count: 200, seed }).map(({ question, steps, answer }) => {
      const [first, second] = steps.map(({ text }) => text.split('=')[1]);
      return JSON.stringify({ question, steps: steps.map(({ text }) => text), answer, first, second, odd: 'no' });
    });
    await writeFile(path, `${lines.join('\n')}\n`);
    return await loadTask({ task: formatTask({ format: 'jsonl', score: 'exact' }), path });
  };
  training = await load('training.jsonl', 11);
  test = await load('test.jsonl', 12);
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const made = (options = {}) =>
  makeMonitor({
    model: join(folder, 'reasoner'),
    loaded: training,
    test,
    flag: { field: 'first', value: '0' },
    falseAlarms: 0.05,
    ...options,
  });

describe('a monitor of a reasoner that calculates', () => {
  it('flags what the first thought holds and the output does not tell, and comes back from its file', async () => {
    const { monitor, thoughts, controls, trainingCount, testCount, accuracy } = await made();
    expect([trainingCount, testCount]).toEqual([200, 200]);
    expect(accuracy).toBeGreaterThan(0.9);
    expect(thoughts.map(({ stage }) => stage)).toEqual(['step_1', 'step_2']);
    expect(monitor).toMatchObject({ stage: 'step_1', index: 0, source: 'first=0' });
    expect(thoughts[0]!.auroc.value).toBeGreaterThan(0.98);
    expect(thoughts[0]!.detected).toBeGreaterThan(0.8);
    expect(thoughts[0]!.falseAlarms).toBeLessThan(0.15);
    // States of three numbers lie in a few heaps: one shuffle may tell some apart by chance, not several.
    expect(controls.shuffled).toHaveLength(5);
    expect(Math.abs(controls.shuffled.reduce((sum, value) => sum + value / 5, 0) - 0.5)).toBeLessThan(0.25);
    expect(Math.max(...controls.shuffled)).toBeLessThan(thoughts[0]!.auroc.value);
    expect(Math.abs(controls.output.value - 0.5)).toBeLessThan(0.1);
    const path = join(folder, 'first.safetensors');
    await saveMonitor({ path, monitor });
    const read = await loadMonitor({ path });
    expect({ ...read, threshold: 0, bias: 0 }).toEqual({ ...monitor, threshold: 0, bias: 0 });
    const state = new Float32Array(monitor.weights.length).fill(0.3);
    expect(monitorScore({ monitor: read, state })).toBeCloseTo(monitorScore({ monitor, state }), 4);
    expect(() => monitorScore({ monitor: read, state: state.subarray(1) })).toThrow(/made for states of width/);
  });

  it('measures only on what it is told to', async () => {
    const { testCount } = await made({ testWhere: [{ field: 'second', value: '1' }] });
    expect(testCount).toBe(test.examples.filter(({ metadata }) => metadata!.second === '1').length);
  });

  it('refuses fields and values that tell nothing, and files that hold no monitor', async () => {
    await expect(made({ flag: { field: 'third', value: '0' } })).rejects.toThrow(
      /no record has the field "third".*first/i,
    );
    await expect(made({ flag: { field: 'odd', value: 'no' } })).rejects.toThrow(/200 are flagged/);
    await expect(made({ where: [{ field: 'odd', value: 'yes' }] })).rejects.toThrow(
      /None of the 200 examples has odd=yes/,
    );
    await expect(loadMonitor({ path: join(folder, 'none.safetensors') })).rejects.toThrow(/is not there/);
    await expect(loadMonitor({ path: join(folder, 'reasoner', 'model.safetensors') })).rejects.toThrow(
      /holds no monitor/,
    );
  });
});
