import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readCheckpoints } from '../../../tooling/reliability/check-checkpoint.mjs';
import { runKills } from '../../../tooling/reliability/kill-harness.mjs';
import { subtext } from './run-command';
import { blindConfiguration } from './tiny-run';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-reliability-'));
  await writeFile(join(folder, 'blind.yaml'), blindConfiguration);
  expect(
    (
      await subtext(
        ['data', 'generate', 'scenes', 'data', '--train', '24', '--validation', '6', '--test', '1', '--seed', '7'],
        { folder },
      )
    ).code,
  ).toBe(0);
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

describe('a run that is killed (SIGKILL) at random moments', () => {
  it('goes on from whole checkpoints to the bytes of an undisturbed run', async () => {
    const result = await runKills({ kills: 5, seed: 2, workers: 0, steps: { text: 6, encode: 2, recover: 2 } });
    expect(result.faults).toEqual([]);
    expect(result).toMatchObject({ passed: true, kills: 5, unloadable: 0, differentWeights: 0, differentLogs: 0 });
    expect(result.mostStepsLost).toBeLessThanOrEqual(result.interval);
    expect(result.runsFinished).toBeGreaterThan(0);
  }, 300_000);
});

describe('a run that is asked to stop', () => {
  // Windows has no SIGTERM that a process could hear.
  it.skipIf(process.platform === 'win32').each(['SIGTERM', 'SIGHUP', 'SIGUSR1'] as const)(
    'saves and leaves (%s; SIGINT: train-and-think.test.ts)',
    async (name) => {
      let asked = false;
      const { code, stdout, stderr } = await subtext(
        ['train', 'blind.yaml', `output=stopped-${name}`, 'training.text.steps=5000', '--json'],
        {
          folder,
          onOutput: (output, interrupt) => {
            if (asked || !output.includes('"progress"')) return;
            asked = true;
            interrupt(name);
          },
        },
      );
      expect(code).toBe(130);
      expect(stderr).not.toMatch(/debugger/i);
      const step = Number(/Stopped at step (\d+)/.exec(stdout)![1]);
      const { whole, broken, unfinished } = readCheckpoints(join(folder, `stopped-${name}`));
      expect({ newest: whole.at(-1), broken, unfinished }).toEqual({ newest: step, broken: [], unfinished: [] });
      expect(await readdir(join(folder, `stopped-${name}`))).not.toContain('run.lock');
    },
  );
});

describe('training', () => {
  const train = (output: string, ...args: string[]) =>
    subtext(
      ['train', 'blind.yaml', `output=${output}`, 'training.logSteps=1', 'training.text.steps=6', '--json', ...args],
      { folder },
    );
  const logOf = (output: string) => readFile(join(folder, output, 'log.jsonl'), 'utf8');

  it('gives the same log for the same configuration, seed and engine, and another for another seed', async () => {
    for (const [output, ...args] of [['one'], ['two', 'workers=2'], ['other', 'seed=9']] as const)
      expect((await train(output, ...args)).code).toBe(0);
    expect((await logOf('one')).trim().split('\n')).toHaveLength(6);
    expect(await logOf('two')).toBe(await logOf('one'));
    expect(await logOf('other')).not.toBe(await logOf('one'));
  });

  it('takes the loss of held-out examples and ends with the best weights where asked to', async () => {
    const { code, stdout } = await train(
      'best',
      'data.validation=data/validation.jsonl',
      'training.validation.steps=2',
      'training.finalWeights=best',
    );
    expect({ code, stdout }).toMatchObject({ code: 0 });
    const losses = (await logOf('best'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { step: number; validationLoss?: number; best?: boolean });
    expect(losses.filter(({ validationLoss }) => validationLoss !== undefined).map(({ step }) => step)).toEqual([
      2, 4, 6,
    ]);
    const without = await train('none', 'training.finalWeights=best');
    expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining('data.validation') as string });
  });

  it('measures every example against the context of the model before the first step', async () => {
    const { code, stderr } = await train('long', 'model.new.max_position_embeddings=8');
    expect(code).toBe(1);
    expect(stderr).toMatch(/24 of 24 examples take more tokens than the 8 positions of the model: .*\(\d+ in phase "/);
    expect(existsSync(join(folder, 'long', 'log.jsonl'))).toBe(false);
  });
});
