import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createMethod } from '../methods/registry';
import { formatNamed } from '../methods/reasoning-format';
import { readReasonerSettings } from './reasoner-settings';

const sound = {
  format: 1,
  method: { name: 'heima', thinkingTokens: { kind: 'fixed', count: 1 } },
  stages: ['summary', 'caption', 'reasoning'],
  hiddenStages: ['summary'],
  reasoningFormat: 'tagged',
  prefix: ['<s>'],
  endToken: '</s>',
  image: { token: '<image>', tokens: 4, position: 'before' },
  thoughtReading: 'before',
  longestResponse: 12,
};

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-settings-'));
  path = join(folder, 'subtext.json');
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => rm(path, { recursive: true, force: true }));

const read = () => readReasonerSettings({ path, folder });
const refusal = (message: unknown) =>
  expect(read()).rejects.toMatchObject({ name: 'ReasonerError', code: 'not-a-reasoner', message });

describe('subtext.json of a reasoner', () => {
  it('is read as it was written, what a later version adds beside', async () => {
    await writeFile(path, JSON.stringify({ ...sound, laterSetting: 1 }));
    expect(await read()).toMatchObject(sound);
  });

  it.each(['continuous', 'pause', 'mixture', 'text', 'none'])(
    'opens graph reasoners with thoughts: %s',
    async (thoughts) => {
      const method = { name: 'graph', form: 'edges', thoughts, count: 4 };
      await writeFile(path, JSON.stringify({ ...sound, method }));
      expect(await read()).toMatchObject({ method });
    },
  );

  it('has format 2 where it has a visibility table, which a reader of format 1 would not keep', async () => {
    const visibility = { question: [], answer: ['reasoning'] };
    await writeFile(path, JSON.stringify({ ...sound, format: 2, visibility }));
    expect(await read()).toMatchObject({ visibility });
    await writeFile(path, JSON.stringify({ ...sound, visibility }));
    await refusal(expect.stringMatching(/format 1 does not have/));
    await writeFile(path, JSON.stringify({ ...sound, format: 2, visibility: { answer: 'reasoning' } }));
    await refusal(expect.stringMatching(/visibility\.answer/));
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['a method of JavaScript', { method: { name: '__proto__' } }, /method\.name/],
    ['another', { method: { name: 'constructor' } }, /method\.name/],
    ['no method', { method: undefined }, /method: is missing/],
    ['a method that is a list', { method: [] }, /method/],
    ['too many thoughts', { method: { name: 'heima', thinkingTokens: { kind: 'fixed', count: 1e9 } } }, /count/],
    [
      'a share above one',
      { method: { name: 'heima', thinkingTokens: { kind: 'ratio', ratio: 2, maximum: 4 } } },
      /ratio/,
    ],
    ['an importance above one', { method: { name: 'kava', importance: 2 } }, /importance/],
    ['thoughts without end', { method: { name: 'coconut', thoughtsPerStep: 2 ** 53 } }, /thoughtsPerStep/],
    ['stages that are numbers', { stages: [1, 2] }, /stages\.0/],
    ['a million stages', { stages: Array.from({ length: 1_000_000 }, () => 'a').slice(0, 2_000) }, /stages/],
    ['no hidden stages', { hiddenStages: undefined }, /hiddenStages: is missing/],
    ['no prefix', { prefix: undefined }, /prefix: is missing/],
    ['an end that is a number', { endToken: 7 }, /endToken/],
    ['an empty end', { endToken: '' }, /endToken/],
    ['pictures of a billion tokens', { image: { ...sound.image, tokens: 1e9 } }, /image\.tokens/],
    ['pictures of less than none', { image: { ...sound.image, tokens: -1 } }, /image\.tokens/],
    ['a place that there is not', { image: { ...sound.image, position: 'x' } }, /image\.position/],
    ['a reading that there is not', { thoughtReading: 7 }, /thoughtReading/],
    ['a response of half a token', { longestResponse: 1.5 }, /longestResponse/],
  ])('is refused for %s', async (_, change, message) => {
    await writeFile(path, JSON.stringify({ ...sound, ...change }));
    await refusal(expect.stringMatching(message));
    await refusal(expect.not.stringMatching(/undefined/));
  });

  it('is refused where it is no JSON object, of another version, too large or too deep', async () => {
    for (const text of ['null', '[]', '"a"', '{', '', `${'['.repeat(10_000)}${']'.repeat(10_000)}`]) {
      await writeFile(path, text);
      await refusal(expect.stringContaining('subtext.json'));
    }
    await writeFile(path, JSON.stringify({ ...sound, format: 3 }));
    await refusal(expect.stringMatching(/format 3; this version reads the formats 1 and 2/));
    await writeFile(path, '{');
    await truncate(path, 200e9);
    await refusal(expect.stringContaining('200000000000 bytes'));
    await rm(path);
    await refusal(expect.stringMatching(/is missing. Train one/));
  });

  it.skipIf(process.platform === 'win32')('is not waited for where it is a pipe or a device', async () => {
    execFileSync('mkfifo', [path]);
    await refusal(expect.stringContaining('pipe or device'));
    await rm(path);
    await symlink('/dev/zero', path);
    await refusal(expect.stringContaining('pipe or device'));
  });
});

describe("names of JavaScript's own", () => {
  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('%s is no method and no format', (name) => {
    expect(() => createMethod({ name } as never)).toThrow(
      expect.objectContaining({ code: 'unknown-method', message: expect.stringContaining(name) as string }),
    );
    expect(() => formatNamed(name)).toThrow(
      expect.objectContaining({ code: 'invalid-option', message: expect.stringContaining(name) as string }),
    );
  });
});
