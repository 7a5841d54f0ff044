import { engineName, tf, useEngine } from '@subtext/tensor';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { lockFolder } from '../checkpoint/run-lock';
import { createProgram } from './training-engine';
import { toyPhase, toySource, trainToy } from '../../test/toy-run';

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-train-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const at = (name: string) => join(folder, name);
const logOf = (name: string) => readFile(join(at(name), 'log.jsonl'), 'utf8');
const losses = async (name: string) =>
  (await logOf(name))
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { loss: number }).loss);

describe('train', () => {
  it('lowers the loss, and leaves parameters without a gradient alone', async () => {
    const { status, steps, weights } = await trainToy({ folder: at('a') });
    expect({ status, steps }).toEqual({ status: 'finished', steps: 50 });
    const curve = await losses('a');
    expect(curve.at(-1)!).toBeLessThan(curve[0]! / 3);
    expect(weights[3]).toEqual(new Array(25).fill(1));
  });

  it('gives the same bytes with 0, 1, 2 and 3 workers', async () => {
    expect(engineName()).toBe('wasm');
    const runs = [];
    for (const workers of [0, 1, 2, 3]) runs.push(await trainToy({ folder: at(`w${workers}`), workers }));
    for (const [index, run] of runs.entries()) {
      expect(run.weights).toEqual(runs[0]!.weights);
      expect(await logOf(`w${index}`)).toBe(await logOf('w0'));
    }
  });

  it.each([0, 2])('resumes mid-phase and at the border of phases to the same bytes (%i workers)', async (workers) => {
    const whole = await trainToy({ folder: at('whole'), workers });
    for (const stopAt of workers === 0 ? [13, 30, 41] : [41]) {
      const name = `stopped-${stopAt}`;
      const controller = new AbortController();
      const first = await trainToy({
        folder: at(name),
        workers,
        signal: controller.signal,
        onProgress: ({ step }) => step === stopAt && controller.abort(),
      });
      expect(first).toMatchObject({ status: 'stopped', steps: stopAt });
      const second = await trainToy({ folder: at(name), workers });
      expect(second.weights).toEqual(whole.weights);
      expect(await logOf(name)).toBe(await logOf('whole'));
    }
  });

  it('passes over a broken checkpoint, names it, and still ends at the same bytes', async () => {
    const whole = await trainToy({ folder: at('whole') });
    const controller = new AbortController();
    await trainToy({
      folder: at('broken'),
      signal: controller.signal,
      onProgress: ({ step }) => step === 25 && controller.abort(),
    });
    const checkpoints = (await readdir(join(at('broken'), 'checkpoints'))).sort();
    expect(checkpoints).toEqual(['step-00000020', 'step-00000025']);
    await truncate(join(at('broken'), 'checkpoints', 'step-00000025', 'weights.safetensors'), 100);
    const notices: string[] = [];
    const second = await trainToy({ folder: at('broken'), onNotice: (notice) => notices.push(notice) });
    expect(notices[0]).toMatch(/step-00000025 is broken: weights\.safetensors has 100 bytes/);
    expect(notices[1]).toMatch(/Resuming at step 20/);
    expect(second.weights).toEqual(whole.weights);
    expect(await logOf('broken')).toBe(await logOf('whole'));
  });

  it('gives the same log and weights twice: same seed, same engine', async () => {
    const runs = [await trainToy({ folder: at('one') }), await trainToy({ folder: at('two') })];
    expect(await logOf('two')).toBe(await logOf('one'));
    expect(runs[1]!.weights).toEqual(runs[0]!.weights);
    const other = await trainToy({
      folder: at('other'),
      source: { ...toySource, options: { seed: 8 } },
      program: await createProgram({ ...toySource, options: { seed: 8 } }),
    });
    expect(other.steps).toBe(50);
    expect(await logOf('other')).not.toBe(await logOf('one'));
  });

  it('skips a step whose loss is not finite, counts it, and writes down its batch', async () => {
    const notices: string[] = [];
    const { status, skippedSteps, weights } = await trainToy({
      folder: at('nan'),
      phases: [toyPhase({ phase: 0, steps: 20, poison: [4, 9] })],
      onNotice: (notice) => notices.push(notice),
    });
    expect({ status, skippedSteps }).toEqual({ status: 'finished', skippedSteps: 2 });
    expect(weights.flat().every(Number.isFinite)).toBe(true);
    expect(await readdir(join(at('nan'), 'bad-steps'))).toEqual(['step-00000005.json', 'step-00000010.json']);
    const dump = JSON.parse(await readFile(join(at('nan'), 'bad-steps', 'step-00000005.json'), 'utf8')) as {
      batch: { inputs: number[]; targets: unknown[] }[];
    };
    expect(dump).toMatchObject({
      step: 5,
      phase: 0,
      phaseName: 'phase 0',
      phaseStep: 4,
      loss: 'NaN',
      gradientNorm: 'NaN',
      learningRate: expect.any(Number),
    });
    const [first] = (await toyPhase({ phase: 0, steps: 20 }).source.batch(4)) as { inputs: Float32Array }[];
    expect(dump.batch[0]!.inputs).toEqual([...first!.inputs]);
    expect(dump.batch[0]!.targets[0]).toBe('NaN');
    expect(notices).toEqual(
      [5, 10].map((step) =>
        expect.stringMatching(new RegExp(`^Step ${step} was skipped: loss NaN.*step-0+${step}\\.json`)),
      ),
    );
  });

  it('stops after several bad steps in a row, naming the place, keeping the last good checkpoint', async () => {
    const poison = Array.from({ length: 20 }, (_, index) => 12 + index);
    const phases = [
      toyPhase({
        phase: 0,
        steps: 40,
        name: 'alone',
        poison,
        describe: (step) => ({ examples: [`example of ${step}`] }),
      }),
    ];
    await expect(trainToy({ folder: at('nan'), phases })).rejects.toMatchObject({
      code: 'not-finite',
      message: expect.stringMatching(
        /stopped at step 17 \(phase "alone", its step 17\).*5 times in a row.*step-00000017\.json.*learning rate/,
      ),
    });
    expect(await readdir(join(at('nan'), 'checkpoints'))).toContain('step-00000010');
    expect(JSON.parse(await readFile(join(at('nan'), 'bad-steps', 'step-00000017.json'), 'utf8'))).toMatchObject({
      batch: { examples: ['example of 16'] },
    });
  });

  it('counts bad steps in a row across an interruption', async () => {
    const phases = [toyPhase({ phase: 0, steps: 40, poison: [12, 13, 14, 15, 16] })];
    const controller = new AbortController();
    await trainToy({
      folder: at('nan'),
      phases,
      signal: controller.signal,
      onProgress: ({ step }) => step === 15 && controller.abort(),
    });
    await expect(trainToy({ folder: at('nan'), phases })).rejects.toThrow(/stopped at step 17/);
  });

  it.each([0, 2])('says what to lower where memory runs out (%i workers)', async (workers) => {
    const phases = [
      toyPhase({
        phase: 0,
        steps: 4,
        name: 'large',
        source: {
          batch: () => [
            { inputs: new Float32Array(3), targets: new Float32Array(1), weight: 1, exhaust: true },
            { inputs: new Float32Array(3), targets: new Float32Array(1), weight: 1 },
          ],
        },
      }),
    ];
    await expect(trainToy({ folder: at('memory'), phases, workers })).rejects.toMatchObject({
      code: 'out-of-memory',
      message: expect.stringMatching(
        /step 1 \(phase "large"\): .*Lower the batch size or the length.*more shards.*smaller model/,
      ),
    });
  });

  it('fails once, with the error of the step, where the next batch fails too', async () => {
    const phases = [
      toyPhase({
        phase: 0,
        steps: 4,
        source: {
          batch: async (step) =>
            step === 0 ? [{ inputs: new Float32Array(4) }, {}] : Promise.reject(new Error('no such picture')),
        },
      }),
    ];
    await expect(trainToy({ folder: at('both'), phases })).rejects.toThrow();
  });

  it('refuses a checkpoint of another configuration', async () => {
    await trainToy({ folder: at('a') });
    await expect(trainToy({ folder: at('a'), fingerprint: 'other' })).rejects.toMatchObject({
      code: 'checkpoint-mismatch',
    });
  });

  it('refuses a folder that a living process writes to, and takes over one of a dead process', async () => {
    await mkdir(at('locked'), { recursive: true });
    const unlock = await lockFolder({ folder: at('locked') });
    const own = JSON.parse(await readFile(join(at('locked'), 'run.lock'), 'utf8')) as Record<string, unknown>;
    await unlock();
    for (const [holder, refused] of [
      [process.ppid, true],
      [2 ** 22 + 1, false],
    ] as const) {
      const other = { ...own, process: holder, started: undefined, parent: undefined };
      await writeFile(join(at('locked'), 'run.lock'), JSON.stringify(other));
      if (refused) await expect(trainToy({ folder: at('locked') })).rejects.toMatchObject({ code: 'locked' });
    }
    expect(await trainToy({ folder: at('locked') })).toMatchObject({ status: 'finished' });
    expect(await readdir(at('locked'))).not.toContain('run.lock');
  });

  it('keeps no tensor of a step', async () => {
    const counts: number[] = [];
    await trainToy({ folder: at('leak'), onProgress: () => counts.push(tf.memory().numTensors) });
    expect(new Set(counts).size).toBe(1);
  });
});
