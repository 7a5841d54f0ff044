import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createSharedState } from '../parallel/shared-state';
import { loadCheckpoint, type RunPosition, saveCheckpoint, verifyCheckpoint } from './checkpoint';
import { listCheckpoints, pruneCheckpoints, resumeNewest } from './newest-checkpoint';
import { lockFolder } from './run-lock';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-checkpoint-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const shapes = [
  { name: 'a', shape: [2, 3] },
  { name: 'b', shape: [4] },
];

function newState(fill = 0, parameters = shapes) {
  const state = createSharedState({ parameters, shards: 1 });
  state.parameters.forEach((_, index) => (state.parameters[index] = fill + index));
  state.firstMoments.fill(fill + 0.5);
  state.secondMoments.fill(fill + 0.25);
  return state;
}

const position = (step: number): RunPosition => ({
  fingerprint: 'f',
  phase: 1,
  phaseName: 'second',
  phaseStep: step,
  updates: step,
  step,
  logBytes: 10,
  skippedSteps: 0,
  badStepsInRow: 0,
});

describe('checkpoints', () => {
  it('give back weights, moments and position', async () => {
    const path = await saveCheckpoint({ folder, state: newState(7), position: position(12) });
    const state = newState();
    expect(await loadCheckpoint({ path, state })).toEqual(position(12));
    expect(state).toEqual(newState(7));
    expect(await readdir(folder)).toEqual(['step-00000012']);
  });

  it.each([
    [
      'a weight',
      'weights.safetensors',
      (bytes: Buffer) => (bytes[bytes.length - 1]! ^= 1),
      /weights\.safetensors does not match its SHA-256/,
    ],
    ['the position', 'position.json', (bytes: Buffer) => (bytes[5]! ^= 1), /position\.json does not match/],
    ['the manifest', 'manifest.json', (bytes: Buffer) => bytes.fill(0), /manifest\.json is missing or cannot be read/],
  ] as const)(
    'are refused where one bit of %s has changed, and the one before is taken',
    async (_what, file, change, message) => {
      await saveCheckpoint({ folder, state: newState(1), position: position(1) });
      const path = await saveCheckpoint({ folder, state: newState(2), position: position(2) });
      const bytes = await readFile(join(path, file));
      change(bytes);
      await writeFile(join(path, file), bytes);
      await expect(loadCheckpoint({ path, state: newState() })).rejects.toThrow(message);
      const told: string[] = [];
      const state = newState();
      expect(await resumeNewest({ folder, state, fingerprint: 'f', onBroken: ({ code }) => told.push(code) })).toEqual(
        position(1),
      );
      expect(told).toEqual(['invalid-checkpoint']);
      expect(state.parameters).toEqual(newState(1).parameters);
      // Set aside: it is not one of the newest that are kept.
      expect((await readdir(folder)).sort()).toEqual(['step-00000001', 'step-00000002.broken']);
    },
  );

  it('of another model or configuration are refused', async () => {
    const path = await saveCheckpoint({ folder, state: newState(), position: position(1) });
    const other = newState(0, [
      { name: 'a', shape: [3, 2] },
      { name: 'b', shape: [4] },
    ]);
    await expect(loadCheckpoint({ path, state: other })).rejects.toThrow(/no "a" of shape \[3, 2\]/);
    await expect(resumeNewest({ folder, state: newState(), fingerprint: 'other' })).rejects.toMatchObject({
      code: 'checkpoint-mismatch',
    });
  });

  it('are broken where the manifest has lost a file', async () => {
    const path = await saveCheckpoint({ folder, state: newState(), position: position(1) });
    const manifest = JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8')) as {
      files: Record<string, unknown>;
    };
    delete manifest.files['first-moments.safetensors'];
    await writeFile(join(path, 'manifest.json'), JSON.stringify(manifest));
    await expect(verifyCheckpoint(path)).rejects.toMatchObject({
      code: 'invalid-checkpoint',
      message: expect.stringContaining('first-moments'),
    });
  });

  it('that are whole already are not written again; broken ones of the same step are replaced', async () => {
    const path = await saveCheckpoint({ folder, state: newState(1), position: position(1) });
    const written = (await stat(join(path, 'manifest.json'))).mtimeMs;
    await saveCheckpoint({ folder, state: newState(1), position: position(1) });
    expect((await stat(join(path, 'manifest.json'))).mtimeMs).toBe(written);
    await truncate(join(path, 'weights.safetensors'), 10);
    await saveCheckpoint({ folder, state: newState(1), position: position(1) });
    expect(await verifyCheckpoint(path)).toEqual(position(1));
  });

  it('half written are not seen, and removed by the next run; none means a new run', async () => {
    for (const name of ['step-00000009.tmp', 'step-00000003.gone', 'step-00000004.broken', 'step-00000005.broken'])
      await mkdir(join(folder, name));
    expect(await listCheckpoints(folder)).toEqual([]);
    expect(await resumeNewest({ folder, state: newState(), fingerprint: 'f' })).toBeUndefined();
    expect(await readdir(folder)).toEqual(['step-00000005.broken']);
    expect(
      await resumeNewest({ folder: join(folder, 'nowhere'), state: newState(), fingerprint: 'f' }),
    ).toBeUndefined();
  });

  it('are pruned to the newest and the best', async () => {
    for (const step of [1, 2, 3, 4, 5]) await saveCheckpoint({ folder, state: newState(), position: position(step) });
    await pruneCheckpoints({ folder, keep: 2, bestStep: 2 });
    expect((await listCheckpoints(folder)).map(({ step }) => step)).toEqual([5, 4, 2]);
  });

  it('that cannot be written say why', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(saveCheckpoint({ folder: file, state: newState(), position: position(1) })).rejects.toMatchObject({
      code: 'write-failed',
      message: expect.stringContaining(file),
    });
  });
});

/** What this process writes into a lock. */
async function ownLock(): Promise<Record<string, unknown>> {
  const other = await mkdtemp(join(tmpdir(), 'subtext-lock-'));
  const unlock = await lockFolder({ folder: other });
  const text = await readFile(join(other, 'run.lock'), 'utf8');
  await unlock();
  await rm(other, { recursive: true });
  return JSON.parse(text) as Record<string, unknown>;
}

describe('the lock of a run', () => {
  /** A lock as another process would have left it. */
  const content = async (holder: Record<string, unknown>) =>
    JSON.stringify({ ...(await ownLock()), started: undefined, parent: undefined, began: 0, ...holder });

  it('keeps out a second run of the same process until it is given back', async () => {
    const unlock = await lockFolder({ folder });
    await expect(lockFolder({ folder })).rejects.toMatchObject({ code: 'locked' });
    await unlock();
    await (
      await lockFolder({ folder })
    )();
    expect(await readdir(folder)).toEqual([]);
  });

  it('of the dead, or of this process number before a restart, is taken over', async () => {
    for (const left of [await content({ process: 2 ** 22 + 1 }), await content({ process: process.pid })]) {
      await writeFile(join(folder, 'run.lock'), left);
      await (
        await lockFolder({ folder })
      )();
    }
  });

  it('of a dead process whose number another one has now is taken over', async () => {
    if (process.platform !== 'linux') return; // Elsewhere the system does not tell when a process started.
    await writeFile(join(folder, 'run.lock'), await content({ process: process.ppid, started: '1' }));
    await (
      await lockFolder({ folder })
    )();
  });

  it('of the dead goes to one of those that want it', async () => {
    await writeFile(join(folder, 'run.lock'), await content({ process: 2 ** 22 + 1 }));
    await writeFile(join(folder, `run.lock.${2 ** 22 + 1}-00000000`), '');
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder({ folder })));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await readdir(folder)).toEqual(['run.lock']);
  });

  it('of the living, of another machine or container, of an earlier version, or just being written is respected', async () => {
    for (const left of [
      await content({ process: process.ppid }),
      await content({ process: 1, host: 'elsewhere', space: 'elsewhere' }),
      JSON.stringify({ process: 2 ** 22 + 1, host: hostname() }),
      '',
    ]) {
      const path = join(folder, 'run.lock');
      await writeFile(path, left);
      const refused = { code: 'locked', message: expect.stringContaining('run.lock') };
      await expect(lockFolder({ folder })).rejects.toMatchObject(refused);
      if (!left.includes('elsewhere')) continue;
      // A step may take an hour, without a sign of life.
      const then = new Date(Date.now() - 3_600_000);
      await utimes(path, then, then);
      await expect(lockFolder({ folder })).rejects.toMatchObject(refused);
    }
  });
});
