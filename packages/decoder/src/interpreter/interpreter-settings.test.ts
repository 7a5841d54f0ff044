import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { readInterpreterSettings } from './interpreter-settings';

const sound = {
  format: 1,
  kind: 'interpreter',
  name: 'shared',
  stages: ['summary'],
  templates: 'default',
  withQuestion: true,
  slotToken: '<thought>',
  prefix: [],
  endToken: '</s>',
  reading: 'before',
  projector: { kind: 'linear', inputWidth: 16 },
  longestExplanation: 12,
  mode: 'joint',
};

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-interpreter-settings-'));
  path = join(folder, 'subtext.json');
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => rm(path, { force: true }));

const refusal = (message: unknown) =>
  expect(readInterpreterSettings({ path, folder })).rejects.toMatchObject({
    name: 'DecoderError',
    code: 'not-an-interpreter',
    message,
  });

describe('subtext.json of an interpreter', () => {
  it('is read as it was written', async () => {
    await writeFile(path, JSON.stringify(sound));
    expect(await readInterpreterSettings({ path, folder })).toEqual(sound);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['no kind', { kind: undefined }, /kind/],
    ['a projector wider than any model', { projector: { kind: 'linear', inputWidth: 1e9 } }, /inputWidth/],
    ['a projector of no kind', { projector: { kind: 'constructor', inputWidth: 16 } }, /projector\.kind/],
    ['no projector', { projector: undefined }, /projector: is missing/],
    ['a reading that there is not', { reading: 'after' }, /reading/],
    ['stages that are numbers', { stages: [1] }, /stages\.0/],
    ['an explanation without end', { longestExplanation: 1e15 }, /longestExplanation/],
  ])('is refused for %s', async (_, change, message) => {
    await writeFile(path, JSON.stringify({ ...sound, ...change }));
    await refusal(expect.stringMatching(message));
    await refusal(expect.not.stringMatching(/undefined/));
  });

  it('is refused where it is no JSON object', async () => {
    for (const text of ['null', '{', '[]']) {
      await writeFile(path, text);
      await refusal(expect.stringContaining('subtext.json'));
    }
  });

  it.skipIf(process.platform === 'win32')('is not waited for where it is a pipe', async () => {
    execFileSync('mkfifo', [path]);
    await refusal(expect.stringContaining('pipe or device'));
  });
});
