import { RandomStream } from '@subtext/data';
import { useEngine } from '@subtext/tensor';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { calculations, trainCalculatingReasoner } from '../../test/arithmetic-reasoner';
import { formatTask } from '../tasks/format-task';
import { loadTask, type LoadedTask } from '../tasks/registry';
import { measureUncertainty } from './measure-uncertainty';

/** How a coin lies, by the result of a calculation's first step. */
const coins = ['heads=1, tails=1', 'heads=3, tails=1', 'heads=0, tails=1'];

let folder: string;
let training: LoadedTask;
let test: LoadedTask;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-uncertainty-'));
  const reasoner = trainCalculatingReasoner();
  await reasoner.save({ folder });
  reasoner.dispose();
  const load = async (name: string, count: number, seed: number) => {
    const random = new RandomStream({ seed, name: 'coins' });
    const path = join(folder, name);
    const lines = calculations({ count, seed }).map(({ question, steps, answer }) => {
      const first = Number(steps[0]!.text.split('=')[1]);
      const coin = random.uniform() < [0.5, 0.75, 0][first]! ? 'heads' : 'tails';
      const texts = steps.map(({ text }) => text);
      return JSON.stringify({
        ...{ question, steps: texts, answer, posterior: `${answer}=1`, coin, coinPosterior: coins[first] },
        ...{ torn: first === 0 ? 'heads' : coins[first], only: 'heads=1', side: 'heads' },
      });
    });
    await writeFile(path, `${lines.join('\n')}\n`);
    return await loadTask({ task: formatTask({ format: 'jsonl', score: 'exact' }), path });
  };
  training = await load('training.jsonl', 200, 11);
  test = await load('test.jsonl', 80, 12);
}, 180_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const measured = (options = {}) => measureUncertainty({ model: folder, loaded: training, test, ...options });
const coin = { label: 'coin', posterior: 'coinPosterior' };

describe('uncertainty of a reasoner that calculates', () => {
  it('reads from the first thought how a coin lies that depends on it, having been shown draws alone', async () => {
    const { readings, labels, entropy, trainingCount, testCount } = await measured(coin);
    expect(labels).toEqual(['heads', 'tails']);
    expect([trainingCount, testCount]).toEqual([200, 80]);
    expect(entropy).toBeGreaterThan(0.3);
    expect(readings.map(({ source }) => source)).toEqual([
      ...['thought', 'thought', 'question', 'question', 'shuffled', 'constant'],
    ]);
    const [first] = readings;
    const constant = readings.at(-1)!;
    expect(first).toMatchObject({ stage: 'step_1', index: 0, count: 80 });
    expect(first!.totalVariation.value).toBeLessThan(0.1);
    expect(first!.calibrationError.value).toBeLessThan(0.1);
    expect(constant.totalVariation.value).toBeGreaterThan(0.2);
    // The truth's own spread about how often labels are drawn is what a constant misses.
    expect(constant.calibrationError.value).toBeLessThan(0.1);
    expect(first!.divergence.value).toBeLessThan(constant.divergence.value / 2);
  });

  it('asks the model itself, and what it writes, where the label is the answer', async () => {
    const { readings } = await measured({ chains: 2 });
    const by = (source: string) => readings.find((one) => one.source === source)!;
    for (const source of ['model', 'choice', 'written', 'chains'])
      expect(by(source).totalVariation.value).toBeLessThan(0.2);
    expect(by('written').calibrationError.value).toBeCloseTo(by('written').totalVariation.value, 9);
    expect(by('constant').totalVariation.value).toBeGreaterThan(0.5);
  });

  it('refuses fields that tell nothing, each by its name', async () => {
    await expect(measured({ posterior: 'prior' })).rejects.toThrow(/No record has the field "prior".*coinPosterior/);
    await expect(measured({ ...coin, label: 'die' })).rejects.toThrow(/No record has the field "die"/);
    await expect(measured({ ...coin, posterior: 'torn' })).rejects.toThrow(
      /Example \d+, field "torn": "heads" is no distribution/,
    );
    await expect(measured({ posterior: 'coinPosterior' })).rejects.toThrow(
      /its answer, "\d", is impossible by its coinPosterior.*--posterior/,
    );
    await expect(measured({ label: 'side', posterior: 'only' })).rejects.toThrow(/names one label only, heads/);
    await expect(measured({ ...coin, chains: 2 })).rejects.toThrow(/Where do responses say their coin/);
    await expect(measured({ step: 'step_9' })).rejects.toThrow(/no stage "step_9"; choose from step_1, step_2/);
    await expect(measured({ ...coin, step: 'step_1' })).rejects.toThrow(/does not tell/);
  });
});
