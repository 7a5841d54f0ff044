import { useEngine } from '@subtext/tensor';
import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { toyPhase, toyValidation, trainToy } from '../../test/toy-run';
import { verifyCheckpoint } from '../checkpoint/checkpoint';

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-validation-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const at = (name: string) => join(folder, name);
const logOf = (name: string) => readFile(join(at(name), 'log.jsonl'), 'utf8');
const validated = async (name: string) =>
  (await logOf(name))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: number; phase: number; validationLoss?: number; best?: boolean })
    .filter(({ validationLoss }) => validationLoss !== undefined);
const stepsKept = async (name: string) =>
  (await readdir(join(at(name), 'checkpoints'))).map((checkpoint) => Number(checkpoint.slice(5)));

/** The held-out examples are best met on the way: their targets lie beside those that are trained. */
const wandering = () => [
  toyPhase({ phase: 0, steps: 10, validation: toyValidation() }),
  toyPhase({
    phase: 1,
    steps: 22,
    schedule: { learningRate: 0.05, shape: 'constant' },
    validation: toyValidation({ shift: -0.8 }),
  }),
];
const options = { phases: wandering(), validationSteps: 4, checkpointSteps: 7 };

describe('validation while training', () => {
  it('runs held-out examples every N steps of a phase and at its end, and changes nothing in what is learnt', async () => {
    const withoutIt = await trainToy({
      folder: at('without'),
      ...options,
      phases: wandering().map(({ validation: _, ...phase }) => phase),
    });
    const withIt = await trainToy({ folder: at('with'), ...options });
    expect(withIt.weights).toEqual(withoutIt.weights);
    const entries = await validated('with');
    expect(entries.map(({ step }) => step)).toEqual([4, 8, 10, 14, 18, 22, 26, 30, 32]);
    expect(new Set(entries.map(({ validationLoss }) => validationLoss)).size).toBe(entries.length);
    expect(await validated('without')).toEqual([]);
  });

  it('keeps the best checkpoint of the phase beside the newest, until a better one comes', async () => {
    const { best, weightsOfStep } = await trainToy({ folder: at('run'), ...options, keepCheckpoints: 1 });
    const second = (await validated('run')).filter(({ phase }) => phase === 1);
    const lowest = second.reduce((found, entry) => (entry.validationLoss! < found.validationLoss! ? entry : found));
    expect(best).toEqual({ loss: lowest.validationLoss, step: lowest.step });
    // The case is made so that the best is neither the first nor the last.
    expect(lowest.step).toBeGreaterThan(second[0]!.step);
    expect(lowest.step).toBeLessThan(32);
    expect(weightsOfStep).toBe(32);
    expect((await stepsKept('run')).sort((a, b) => a - b)).toEqual([lowest.step, 32]);
    expect(second.filter(({ best: marked }) => marked).at(-1)!.step).toBe(lowest.step);
    const position = await verifyCheckpoint(
      join(at('run'), 'checkpoints', `step-${String(lowest.step).padStart(8, '0')}`),
    );
    expect(position).toMatchObject({
      best,
      phase: 1,
      metrics: { loss: expect.any(Number), gradientNorm: expect.any(Number) },
      engine: 'wasm',
    });
  });

  it('ends with the best weights where asked to: those of a run that stopped at that step', async () => {
    const { best, weightsOfStep, weights } = await trainToy({ folder: at('best'), ...options, finalWeights: 'best' });
    expect(weightsOfStep).toBe(best!.step);
    const controller = new AbortController();
    const stopped = await trainToy({
      folder: at('stopped'),
      ...options,
      signal: controller.signal,
      onProgress: ({ step }) => step === best!.step && controller.abort(),
    });
    expect(weights).toEqual(stopped.weights);
  });

  it('ends with the last weights, and says so, where the best are broken', async () => {
    const last = await trainToy({ folder: at('last'), ...options });
    await trainToy({ folder: at('run'), ...options, finalWeights: 'best' });
    const path = join(
      at('run'),
      'checkpoints',
      `step-${String(last.best!.step).padStart(8, '0')}`,
      'weights.safetensors',
    );
    await truncate(path, 200);
    const notices: string[] = [];
    const again = await trainToy({
      folder: at('run'),
      ...options,
      finalWeights: 'best',
      onNotice: (notice) => notices.push(notice),
    });
    expect(again).toMatchObject({ weights: last.weights, weightsOfStep: 32 });
    expect(notices.at(-1)).toMatch(
      /is broken: weights\.safetensors has 200 bytes.*Taking the weights of the last step/,
    );
  });

  it.each([
    ['cpu', 0, [4, 9, 10, 11, 26, 27]],
    ['wasm', 0, [9, 10, 26, 27]],
    // Starting workers takes a second each time.
    ['wasm', 2, [10, 27]],
  ] as const)(
    'resumes mid-phase and at borders to the same bytes, best included (%s, %i workers)',
    async (engine, workers, stops) => {
      await useEngine({ engine });
      try {
        const whole = await trainToy({ folder: at('whole'), workers, ...options, finalWeights: 'best' });
        expect(whole.best!.step).toBe(26);
        // One run, stopped again and again.
        for (const stopAt of stops) {
          const controller = new AbortController();
          const stopped = await trainToy({
            folder: at('stopped'),
            workers,
            ...options,
            finalWeights: 'best',
            signal: controller.signal,
            onProgress: ({ step }) => step === stopAt && controller.abort(),
          });
          expect(stopped).toMatchObject({ status: 'stopped', steps: stopAt });
        }
        expect(await trainToy({ folder: at('stopped'), workers, ...options, finalWeights: 'best' })).toEqual(whole);
        expect(await logOf('stopped')).toBe(await logOf('whole'));
      } finally {
        await useEngine({ engine: 'wasm' });
      }
    },
  );
});
