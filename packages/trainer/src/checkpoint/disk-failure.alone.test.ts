import { useEngine } from '@subtext/tensor';
import { type FileHandle, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { trainToy } from '../../test/toy-run';
import { createSharedState } from '../parallel/shared-state';
import { type RunPosition, saveCheckpoint, verifyCheckpoint } from './checkpoint';
import { listCheckpoints, resumeNewest } from './newest-checkpoint';

/** A disk that fails from its `operations`th change on: every write, sync, rename and new file or folder counts. */
const disk = vi.hoisted(() => ({ code: 'ENOSPC', operations: Infinity, done: 0 }));

vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof import('node:fs/promises')>();
  const fails = () => disk.done++ >= disk.operations;
  const failure = () => Object.assign(new Error(`${disk.code}: simulated`), { code: disk.code });
  const guard =
    <Args extends unknown[], Result>(real: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      if (fails()) throw failure();
      return real(...args);
    };
  const writes = (flags: string | number | undefined) =>
    typeof flags === 'string' ? flags.startsWith('w') : ((flags ?? 0) & 0o3) !== 0;
  return {
    ...actual,
    mkdir: guard(actual.mkdir),
    rename: guard(actual.rename),
    link: guard(actual.link),
    open: async (path: string, flags?: string | number, mode?: number): Promise<FileHandle> => {
      if (writes(flags) && fails()) throw failure();
      const handle = await actual.open(path, flags, mode);
      return new Proxy(handle, {
        get(target, key) {
          const value: unknown = Reflect.get(target, key);
          if (typeof value !== 'function') return value;
          if (key === 'sync') return guard(() => target.sync());
          if (key === 'write' || key === 'writeFile' || key === 'appendFile') {
            return async (data: Uint8Array | string, ...rest: unknown[]) => {
              if (!fails()) return (value as (...args: unknown[]) => unknown).call(target, data, ...rest);
              // A full disk takes a part of the bytes before it says so.
              const bytes = Buffer.from(data as Uint8Array);
              await target.write(bytes, 0, Math.floor(bytes.byteLength / 2));
              throw failure();
            };
          }
          return (value as (...args: unknown[]) => unknown).bind(target);
        },
      });
    },
  };
});

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-disk-'));
  Object.assign(disk, { code: 'ENOSPC', operations: Infinity, done: 0 });
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const failFrom = (operations: number, code = 'ENOSPC') => Object.assign(disk, { operations, code, done: 0 });
const heal = () => Object.assign(disk, { operations: Infinity, done: 0 });
const position = (step: number): RunPosition => ({
  fingerprint: 'f',
  phase: 0,
  phaseName: 'only',
  phaseStep: step,
  updates: step,
  step,
  logBytes: 0,
  skippedSteps: 0,
  badStepsInRow: 0,
});

function stateOf(fill: number) {
  const state = createSharedState({
    parameters: [
      { name: 'a', shape: [30, 10] },
      { name: 'b', shape: [4] },
    ],
    shards: 1,
  });
  state.parameters.fill(fill);
  return state;
}

describe('a disk that fails while a checkpoint is written', () => {
  it('leaves the one before whole, wherever it fails, and says so', async () => {
    await saveCheckpoint({ folder, state: stateOf(1), position: position(1) });
    disk.done = 0;
    await saveCheckpoint({ folder, state: stateOf(9), position: position(9) });
    const operations = disk.done;
    await rm(join(folder, 'step-00000009'), { recursive: true });
    expect(operations).toBeGreaterThan(15);
    for (let at = 0; at < operations; at++) {
      failFrom(at);
      const error = await saveCheckpoint({ folder, state: stateOf(2), position: position(2) }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      // The last operation flushes the folder's entry: the new checkpoint has its name by then, and is whole.
      const named = (await listCheckpoints(folder)).map(({ step }) => step);
      expect(named).toEqual(at === operations - 1 ? [2, 1] : [1]);
      expect(error).toMatchObject({
        code: 'write-failed',
        message: expect.stringMatching(
          /step-00000002.*: the disk is full; free some space and start the run again.* \(ENOSPC\)/,
        ),
      });
      expect(await readdir(folder)).toHaveLength(named.length);
      const state = stateOf(0);
      expect((await resumeNewest({ folder, state, fingerprint: 'f' }))?.step).toBe(named[0]);
      expect(new Set(state.parameters)).toEqual(new Set([named[0]]));
    }
    heal();
    expect(await verifyCheckpoint(await saveCheckpoint({ folder, state: stateOf(2), position: position(2) }))).toEqual(
      position(2),
    );
  });

  it.each([
    ['EROFS', /read-only; choose another output folder/],
    ['EACCES', /no permission to write there/],
    ['EDQUOT', /quota is used up/],
    ['EFBIG', /ulimit -f/],
  ])('names the cause (%s)', async (code, message) => {
    failFrom(4, code);
    await expect(saveCheckpoint({ folder, state: stateOf(1), position: position(1) })).rejects.toMatchObject({
      code: 'write-failed',
      message: expect.stringMatching(message),
    });
  });
});

describe('a disk that fails while a run goes on', () => {
  it('stops the run, which ends at the bytes of an undisturbed one when there is room again', async () => {
    const whole = await trainToy({ folder: join(folder, 'whole') });
    const operations = disk.done;
    const log = await readFile(join(folder, 'whole', 'log.jsonl'), 'utf8');
    for (const share of [0, 0.1, 0.33, 0.5, 0.77, 0.95]) {
      const name = join(folder, `run-${share}`);
      failFrom(Math.floor(operations * share));
      await expect(trainToy({ folder: name })).rejects.toMatchObject({ code: 'write-failed' });
      heal();
      expect((await trainToy({ folder: name })).weights).toEqual(whole.weights);
      expect(await readFile(join(name, 'log.jsonl'), 'utf8')).toBe(log);
      expect(await readdir(name)).not.toContain('run.lock');
    }
  });

  it('is not tried on in a folder that takes no writes at all', async () => {
    failFrom(0, 'EROFS');
    await expect(trainToy({ folder: join(folder, 'none') })).rejects.toMatchObject({
      code: 'write-failed',
      message: expect.stringContaining('read-only'),
    });
  });
});
