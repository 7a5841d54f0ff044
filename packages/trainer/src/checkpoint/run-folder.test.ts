import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createSharedState } from '../parallel/shared-state';
import { saveCheckpoint } from './checkpoint';
import { RunFolder } from './run-folder';

let parent: string;
let folder: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'subtext-run-folder-'));
  folder = join(parent, 'run');
});
afterEach(async () => rm(parent, { recursive: true, force: true }));

const identity = { fingerprint: 'a'.repeat(64), parts: { configuration: '1', 'model.from: tokenizer.json': '2' } };
const other = { fingerprint: 'b'.repeat(64), parts: { configuration: '1', 'model.from: tokenizer.json': '3' } };

/** A run that has ended, with files of its own and one of its user's. */
async function finishedRun(): Promise<void> {
  const run = await RunFolder.open({ folder, ...identity });
  await mkdir(join(folder, 'reasoner', 'interpreters', 'shared'), { recursive: true });
  await mkdir(join(folder, 'checkpoints'));
  await saveCheckpoint({
    folder: join(folder, 'checkpoints'),
    state: createSharedState({ parameters: [{ name: 'a', shape: [2] }], shards: 1 }),
    position: {
      fingerprint: identity.fingerprint,
      phase: 0,
      phaseName: 'p',
      phaseStep: 1,
      updates: 1,
      step: 1,
      logBytes: 0,
      skippedSteps: 0,
      badStepsInRow: 0,
    },
  });
  for (const name of [
    'reasoner/model.safetensors',
    'reasoner/interpreters/shared/config.json',
    'reasoner/notes.md',
    'checkpoints/best.pt',
    'mine.txt',
    'log.jsonl',
  ])
    await writeFile(join(folder, name), 'x');
  await run.finish({ fingerprint: identity.fingerprint });
  await run.close();
}
const everything = async () => (await readdir(folder, { recursive: true })).sort();

describe('the folder of a run', () => {
  it.each([
    ['weights of somebody else', { 'checkpoints/best.pt': 'x', 'reasoner/model.safetensors': 'x' }],
    ['a log of another program', { 'log.jsonl': '{}\n' }],
    ['a marker of another program', { 'run.json': '{"format":1,"kind":"evaluation"}', 'log.jsonl': '' }],
    ['a marker that is null', { 'run.json': 'null' }],
    [
      'a configuration of another program',
      { 'configuration.json': '{"output":"x"}', 'finished.json': '{"fingerprint":"x"}' },
    ],
  ])('is refused where it holds %s, and left as it is', async (_what, files) => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(folder, name, '..'), { recursive: true });
      await writeFile(join(folder, name), text);
    }
    const before = await everything();
    for (const overwrite of [false, true])
      await expect(RunFolder.open({ folder, ...identity, overwrite })).rejects.toMatchObject({
        code: 'not-a-run-folder',
        message: expect.stringContaining(folder),
      });
    expect(await everything()).toEqual(before);
  });

  it('is refused where one of its own names is a link or no file', async () => {
    await (await RunFolder.open({ folder, ...identity })).close();
    const outside = join(parent, 'outside');
    await mkdir(outside);
    for (const name of ['log.jsonl', 'reasoner', 'checkpoints', 'configuration.json']) {
      await symlink(outside, join(folder, name));
      await expect(RunFolder.open({ folder, ...identity })).rejects.toMatchObject({
        code: 'not-a-run-folder',
        message: expect.stringMatching(new RegExp(`${name} is a link`)),
      });
      await rm(join(folder, name));
    }
    await mkdir(join(folder, 'finished.json'));
    await expect(RunFolder.open({ folder, ...identity })).rejects.toMatchObject({
      message: expect.stringMatching(/finished\.json is not a file/),
    });
    expect(await readdir(outside)).toEqual([]);
  });

  it('says whether a run of these settings is new, has begun, or has ended', async () => {
    expect((await RunFolder.inspect({ folder, ...identity })).state).toBe('new');
    await expect(readdir(folder)).rejects.toThrow(/ENOENT/);
    const run = await RunFolder.open({ folder, ...identity });
    expect(run.state).toBe('new');
    await expect(RunFolder.open({ folder, ...identity })).rejects.toMatchObject({ code: 'locked' });
    await run.close();
    expect((await RunFolder.inspect({ folder, ...identity })).state).toBe('unfinished');
    await rm(folder, { recursive: true });
    await finishedRun();
    expect((await RunFolder.inspect({ folder, ...identity })).state).toBe('finished');
  });

  it('keeps a finished run from one of other settings, says what differs, and gives way to overwrite; what is not the run’s stays', async () => {
    await finishedRun();
    const before = await everything();
    expect(before).not.toContain(join('checkpoints', 'step-00000001'));
    await expect(RunFolder.open({ folder, ...other })).rejects.toMatchObject({
      code: 'run-exists',
      message: expect.stringMatching(/What differs: model\.from: tokenizer\.json\. .*--overwrite/),
    });
    expect(await everything()).toEqual(before);
    const run = await RunFolder.open({ folder, ...other, overwrite: true });
    expect(run.state).toBe('new');
    await run.close();
    expect(await everything()).toEqual([
      'checkpoints',
      join('checkpoints', 'best.pt'),
      'mine.txt',
      'reasoner',
      join('reasoner', 'notes.md'),
      'run.json',
    ]);
    expect(JSON.parse(await readFile(join(folder, 'run.json'), 'utf8'))).toMatchObject({
      fingerprint: other.fingerprint,
    });
  });

  it('keeps checkpoints of other settings too; a finished run that cannot be understood is of other settings', async () => {
    await finishedRun();
    await saveCheckpoint({
      folder: join(folder, 'checkpoints'),
      state: createSharedState({ parameters: [{ name: 'a', shape: [2] }], shards: 1 }),
      position: {
        fingerprint: identity.fingerprint,
        phase: 0,
        phaseName: 'p',
        phaseStep: 1,
        updates: 1,
        step: 1,
        logBytes: 0,
        skippedSteps: 0,
        badStepsInRow: 0,
      },
    });
    await rm(join(folder, 'finished.json'));
    await expect(RunFolder.inspect({ folder, ...other })).rejects.toMatchObject({ code: 'checkpoint-mismatch' });
    for (const text of ['null', '{"fingerprint":7}', '[', '{"constructor":1}']) {
      await writeFile(join(folder, 'finished.json'), text);
      await expect(RunFolder.inspect({ folder, ...identity })).rejects.toMatchObject({ code: 'run-exists' });
    }
  });
});
