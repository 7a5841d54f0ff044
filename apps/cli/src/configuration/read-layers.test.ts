import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { configurationKind, loadConfiguration } from './load-configuration';
import { merge, readLayers } from './read-layers';
import { trainConfiguration } from './schema';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-layers-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

/** Writes files into the folder and gives the first one's path. */
async function files(texts: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, text] of Object.entries(texts)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return join(folder, Object.keys(texts)[0]!);
}

const root = fileURLToPath(new URL('../../../../', import.meta.url));

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

describe('what a configuration builds on', () => {
  it('is merged key by key: the later file wins, the file itself over all, the command line over it', async () => {
    const path = await files({
      'a/top.yaml': 'defaults: [../b.yaml, ../c.yaml]\noutput: x\ntraining: { text: { steps: 3 } }\n',
      'b.yaml': 'seed: 1\ndata: { train: b, format: scenes }\nmodel: { from: m }\nmethod: { name: cot }\n',
      'c.yaml': 'defaults: d.yaml\ndata: { train: c }\ntraining: { batchSize: 4, text: { steps: 9 } }\n',
      'd.yaml': 'seed: 7\ntraining: { batchSize: 2, learningRate: 0.5 }\n',
    });
    const loaded = await loadConfiguration({
      path,
      overrides: ['training.learningRate=0.25'],
      schema: trainConfiguration,
    });
    expect(loaded).toMatchObject({
      seed: 7,
      output: 'x',
      data: { train: 'c', format: 'scenes' },
      training: { batchSize: 4, learningRate: 0.25, text: { steps: 3 } },
    });
    // What is saved with the run is whole: it names no other file.
    expect(loaded).not.toHaveProperty('defaults');
  });

  it('gives way to null, to lists and to another name', () => {
    expect(
      merge({
        below: { model: { new: { a: 1 }, frozen: ['x', 'y'] }, method: { name: 'coconut', hiddenSteps: 2 }, kept: 1 },
        above: { model: { new: null, from: 'm', frozen: ['z'] }, method: { name: 'cot' }, none: null },
      }),
    ).toEqual({ model: { from: 'm', frozen: ['z'] }, method: { name: 'cot' }, kept: 1, none: null });
    const below = { method: { name: 'coconut', hiddenSteps: 2 } };
    expect(merge({ below, above: { method: { thoughtsPerStep: 2 } } })).toEqual({
      method: { name: 'coconut', hiddenSteps: 2, thoughtsPerStep: 2 },
    });
    expect(below).toEqual({ method: { name: 'coconut', hiddenSteps: 2 } });
    // A key of this name is an ordinary one, and changes no prototype.
    const odd = merge({
      below: { a: 1 },
      above: JSON.parse('{ "__proto__": { "polluted": true } }') as Record<string, unknown>,
    });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(Object.keys(odd)).toContain('__proto__');
  });

  it('may be read twice, and not in a circle', async () => {
    const twice = await files({
      'twice.yaml': 'defaults: [left.yaml, right.yaml]\n',
      'left.yaml': 'defaults: bottom.yaml\na: 1\n',
      'right.yaml': 'defaults: bottom.yaml\nb: 1\n',
      'bottom.yaml': 'c: 1\n',
    });
    expect((await readLayers(twice)).value).toEqual({ a: 1, b: 1, c: 1 });
    const circle = await files({
      'circle.yaml': 'defaults: one.yaml\n',
      'one.yaml': 'defaults: deep/two.yaml\n',
      'deep/two.yaml': 'defaults: ../one.yaml\n',
    });
    await expect(readLayers(circle)).rejects.toThrow(/circular: \S+one\.yaml → \S+two\.yaml → \S+one\.yaml\. Remove/);
    await expect(readLayers(await files({ 'self.yaml': 'defaults: self.yaml\n' }))).rejects.toThrow(
      /self\.yaml → \S+self\.yaml/,
    );
  });

  it('is told with who names it where it is missing or is no configuration', async () => {
    const path = await files({ 'misses.yaml': 'defaults: [nowhere.yaml]\n' });
    await expect(readLayers(path)).rejects.toThrow(
      /nowhere\.yaml, which the "defaults" of \S+misses\.yaml name: ENOENT/,
    );
    for (const defaults of ['[]', '[a, 1]', '{ a: b }', '""', 'null'])
      await expect(readLayers(await files({ 'odd.yaml': `defaults: ${defaults}\n` }))).rejects.toThrow(
        /"defaults" in \S+odd\.yaml must be the path/,
      );
    await expect(
      readLayers(await files({ 'over.yaml': 'defaults: list.yaml\n', 'list.yaml': '- a\n' })),
    ).rejects.toThrow(/list\.yaml holds a list/);
  });

  it('has its faults told in the file where they stand', async () => {
    const path = await files({
      'faulty.yaml': 'defaults: under.yaml\noutput: x\ntraining: { shardz: 1 }\n',
      'under.yaml':
        '\ndata: { train: a, limit: many }\nmodel: { from: m }\nmethod: { name: cot }\ntraining: { shards: q }\n',
    });
    const error = (await loadConfiguration({ path, schema: trainConfiguration }).catch(
      (caught: unknown) => caught,
    )) as Error;
    const [, ...faults] = error.message.replaceAll(`${folder}/`, '').split('\n');
    expect(faults).toEqual([
      expect.stringMatching(/^ {2}faulty\.yaml:3:13: unknown key "training\.shardz"; did you mean "shards"/),
      expect.stringMatching(/^ {2}under\.yaml:2:19: data\.limit: /),
      expect.stringMatching(/^ {2}under\.yaml:5:13: training\.shards: /),
    ]);
  });

  it('may say what kind of configuration it is', async () => {
    const path = await files({ 'kind.yaml': 'defaults: graphs.yaml\n', 'graphs.yaml': 'kind: graphs\n' });
    expect(await configurationKind(path)).toBe('graphs');
  });
});

describe('the configurations that results rest on', () => {
  // The first digits of SHA-256 over the merged file, its keys sorted. Pages in docs/results give numbers of these settings:
  // who changes one on purpose changes it here too, and measures again.
  it.each([
    ['small/base', 'ae0b682917058246'],
    ['small/cot', '27d41ff1bf918881'],
    ['small/heima', '6da607c1ddc83beb'],
    ['small/heima-published', '41f15d46600ade05'],
    ['small/sums', '6cd138a02e70d1ac'],
    ['small/no-cot', '5ffd1d2f1acfd4df'],
    ['small/text-only', 'cc7edf78fc5f2e8c'],
    ['full/base', 'dc3b7e7831fc5bf4'],
    ['full/cot', '8287cefb38d3a8ff'],
    ['full/heima', '81202b488993e2b0'],
    ['full/heima-published', 'b4b3b5e38ab0beda'],
    ['full/no-cot', '8db2e5b32860a257'],
    ['full/text-only', '9db401479438b11d'],
    ['arithmetic/adaptive-after-sim-cot', 'b49d211a39eac45f'],
    ['arithmetic/adaptive', 'e26b491b1175be8a'],
    ['arithmetic/coconut-no-curriculum', '87e6b2b4db91e4a8'],
    ['arithmetic/coconut-no-thought', '29ec45a229bfeda2'],
    ['arithmetic/coconut-pause', '800a907b1bdef66d'],
    ['arithmetic/coconut', 'a6a0c671f1175ffb'],
    ['arithmetic/codi', '2be3251d3d465f41'],
    ['arithmetic/cot', '0f7d37247ca9a314'],
    ['arithmetic/heima', 'cf678abff31bcbc2'],
    ['arithmetic/icot', '93cad2066c2d617e'],
    ['arithmetic/no-cot', 'bcd18964720d96c3'],
    ['arithmetic/pause', 'bca072d2481d43af'],
    ['arithmetic/sim-cot', '0cff446d672901e3'],
    ['graphs/coconut', 'd1b9622763dfcda9'],
    ['graphs/cot', '2520e27572a77642'],
    ['graphs/no-cot', 'c9ad46477e8e2578'],
    ['graphs/pause', 'a9a2fb61e29da826'],
  ])('%s says what it said when its results were measured', async (name, expected) => {
    const [part] = name.split('/');
    const where = part === 'small' || part === 'full' ? 'apps/cli/presets' : 'tooling/science';
    const { value } = await readLayers(join(root, where, `${name}.yaml`));
    expect(
      createHash('sha256')
        .update(JSON.stringify(sorted(value)))
        .digest('hex')
        .slice(0, 16),
    ).toBe(expected);
  });
});
