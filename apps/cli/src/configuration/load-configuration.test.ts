import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { loadConfiguration } from './load-configuration';
import { trainConfiguration } from './schema';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-configuration-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** The lines of the error that a file gives. */
async function faultsOf(text: string, overrides: string[] = []): Promise<string[]> {
  const path = join(folder, 'faulty.yaml');
  await writeFile(path, text);
  const error = await loadConfiguration({ path, overrides, schema: trainConfiguration }).catch(
    (caught: unknown) => caught,
  );
  expect(error).toMatchObject({ name: 'UsageError' });
  return (error as Error).message
    .replaceAll(`${path}:`, '')
    .split('\n')
    .map((line) => line.trim());
}

const sound = 'output: x\ndata: { train: a }\nmodel: { from: b }\nmethod: { name: cot }\n';

describe('loadConfiguration', () => {
  it('tells all faults at once, from the top, each with its place and the nearest key or choice', async () => {
    const faults = await faultsOf(
      `output: x
data: { train: data/train.jsonl, faultz: 0.1, limit: many }
model: { from: a, new: {} }
method: { name: heimaa }
training:
  phases: { "hide caption": { stepz: 4 } }
  text: { steps: 1, epochs: 2 }
interpreters: { mode: jont, model: { from: reasoner, lora: { rnk: 4, targets: [1] } } }
logs: { tensorbord: true, modules: [a.mjs, { pth: b.mjs }] }
`,
      ['training.sharts=2', 'engine=fast'],
    );
    expect(faults[0]).toBe('The configuration has 13 faults:');
    const expected = [
      /^2:34: unknown key "data\.faultz"; did you mean "faults"\?$/,
      /^2:47: data\.limit: .*number/,
      /^3:1: model: give either "from" or "new"$/,
      /^4:11: method\.name: "heimaa" is none of the choices; did you mean "heima"\?/,
      /^6:31: unknown key "training\.phases\.hide caption\.stepz"; did you mean "steps"\?$/,
      /^7:3: training\.text: give steps or epochs, not both$/,
      /^8:17: interpreters\.mode: "jont" is none of the choices; did you mean "joint"\? \(joint, after\)$/,
      /^8:62: unknown key "interpreters\.model\.lora\.rnk"; did you mean "rank"\?$/,
      /^8:80: interpreters\.model\.lora\.targets\.0: .*string/,
      /^9:9: unknown key "logs\.tensorbord"; did you mean "tensorboard"\?$/,
      /^9:44: logs\.modules\.1: /,
      /^command line: unknown key "training\.sharts"; did you mean "shards"\?$/,
      /^command line: engine: "fast" is none of the choices/,
    ];
    expect(faults).toHaveLength(1 + expected.length);
    const [, ...told] = faults;
    for (const pattern of expected) expect(told).toContainEqual(expect.stringMatching(pattern));
    const lines = told.filter((line) => !line.startsWith('command line')).map((line) => Number(/^\d+/.exec(line)![0]));
    expect(lines).toEqual([...lines].sort((a, b) => a - b));
  });

  it('says which methods a key belongs to that the method in use lacks, such as a name set over a file for another', async () => {
    const coconut = sound.replace('{ name: cot }', '{ name: coconut, hiddenSteps: 2, thoughtsPerStep: 2 }');
    expect(await faultsOf(coconut, ['method.name=heima'])).toEqual([
      'The configuration has 2 faults:',
      `4:26: unknown key "method.hiddenSteps": it belongs to coconut, sim-cot, adaptive, not to "heima". On the command line the whole group is replaced by method='{ name: heima }'`,
      expect.stringMatching(/^4:42: unknown key "method\.thoughtsPerStep": it belongs to coconut, /),
    ]);
    // A slip is one of the method's own keys, whatever other methods have.
    expect((await faultsOf(sound.replace('name: cot', 'name: heima, thinkingTokenz: 2'))).at(-1)).toMatch(
      /unknown key "method\.thinkingTokenz"; did you mean "thinkingTokens"\?$/,
    );
    expect((await faultsOf(sound.replace('name: cot', 'name: no-cot, somethingElse: 2'))).at(-1)).toMatch(
      /unknown key "method\.somethingElse"; known here: name$/,
    );
    const path = join(folder, 'coconut.yaml');
    await writeFile(path, coconut);
    expect(
      await loadConfiguration({ path, overrides: ['method={ name: heima }'], schema: trainConfiguration }),
    ).toMatchObject({ method: { name: 'heima', thinkingTokens: 1 } });
  });

  it('sees the paths of loggers from the folder of the file, and those of the command line from the current one', async () => {
    const inner = join(folder, 'runs', 'settings');
    await mkdir(inner, { recursive: true });
    const path = join(inner, 'logged.yaml');
    await writeFile(
      path,
      `${sound}logs: { modules: [mine.mjs, ../shared.mjs, { path: sub/other.mjs }, /absolute.mjs] }\n`,
    );
    const { logs } = await loadConfiguration({ path, schema: trainConfiguration });
    expect(logs.modules).toEqual([
      join(inner, 'mine.mjs'),
      join(folder, 'runs', 'shared.mjs'),
      { path: join(inner, 'sub', 'other.mjs'), options: {} },
      resolve('/absolute.mjs'),
    ]);
    const overridden = await loadConfiguration({
      path,
      overrides: ['logs.modules=[mine.mjs]'],
      schema: trainConfiguration,
    });
    expect(overridden.logs.modules).toEqual(['mine.mjs']);
  });

  it('refuses patterns that are none, or cannot be followed, where they stand', async () => {
    const faults = await faultsOf(
      sound.replace(
        '{ from: b }',
        "{ new: {}, frozen: [layers, '('], initialisation: [{ pattern: '(a)\\1', deviation: 1 }] }",
      ),
    );
    expect(faults[0]).toBe('The configuration has 2 faults:');
    expect(faults.slice(1)).toEqual([
      expect.stringMatching(/^3:\d+: model\.frozen\.1: "\(": not a regular expression.*\(invalid-pattern\)$/),
      expect.stringMatching(/^3:\d+: model\.initialisation\.0\.pattern: .*\(unsupported-pattern\)$/),
    ]);
  });

  it('tells what must be given', async () => {
    expect(await faultsOf('')).toEqual([
      'The configuration has 4 faults:',
      ...[
        'output: must be given (string)',
        'data: must be given (object)',
        'model: must be given (object)',
        'method: must be given (object)',
      ].map((text) => expect.stringContaining(text) as string),
    ]);
    expect((await faultsOf(sound.replace('name: cot', ''))).at(-1)).toMatch(
      /method\.name: must be given \(no-cot, cot, /,
    );
  });

  it.each([
    [
      'what is no YAML, with every place',
      'output: x\noutput: y\ndata: [1\n',
      /not valid YAML:[^]*2:1: [^]*\n *\d+:\d+: /,
    ],
    ['a text', 'just text', /holds "just text" instead of keys/],
    ['a list', '- a', /holds a list/],
  ])('refuses %s', async (_, text, message) => {
    expect((await faultsOf(text, ['seed=1'])).join('\n')).toMatch(message);
  });

  it('takes overrides as YAML, with their own faults', async () => {
    const path = join(folder, 'sound.yaml');
    await writeFile(path, sound);
    const load = (...overrides: string[]) => loadConfiguration({ path, overrides, schema: trainConfiguration });
    expect(await load('training.text.steps=7', 'data.images=false', 'stages=[a, b]')).toMatchObject({
      training: { text: { steps: 7 } },
      data: { images: false },
      stages: ['a', 'b'],
    });
    for (const override of ['seed', '=1', 'stages=[a', '__proto__.seed=1'])
      await expect(load(override)).rejects.toThrow(/override|value of/);
    expect(({} as { seed?: number }).seed).toBeUndefined();
  });
});
