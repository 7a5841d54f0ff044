import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateProsQA, toProsQARecord } from '@subtext/data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { graphConfiguration } from '../src/configuration/graph-schema';
import { subtext } from './run-command';

const checkpoint = fileURLToPath(new URL('../../../docs/results/checkpoints/graphs', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-graphs-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));
const run = (...args: string[]) => subtext(args, { folder });

/** Keys of a schema that hold values, with their place. */
function leavesOf(node: z.core.JSONSchema.BaseSchema, place = ''): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, value]) => {
    const path = place === '' ? key : `${place}.${key}`;
    return typeof value === 'object' && value.properties ? leavesOf(value, path) : [path];
  });
}

describe('subtext train on graphs', () => {
  it('is explained key by key, defaults included', async () => {
    const page = await readFile(fileURLToPath(new URL('../../../docs/guide/graphs.md', import.meta.url)), 'utf8');
    const rows = new Map(
      [...page.slice(page.indexOf('## Configuration')).matchAll(/^\| `([A-Za-z0-9.]+)` \| ([^|]+) \|/gm)].map(
        (match) => [match[1]!, match[2]!.trim().replaceAll('`', '')],
      ),
    );
    expect([...rows.keys()].sort()).toEqual(leavesOf(z.toJSONSchema(graphConfiguration, { io: 'input' })).sort());
    const defaults = graphConfiguration.parse({ kind: 'graphs', output: 'x' }) as Record<string, unknown>;
    for (const [key, written] of rows) {
      const value = key
        .split('.')
        .reduce<unknown>((node, part) => (node as Record<string, unknown> | undefined)?.[part], defaults);
      if (['kind', 'output'].includes(key)) continue;
      if (value !== undefined)
        expect(`${key}: ${written}`).toBe(`${key}: ${Array.isArray(value) ? JSON.stringify(value) : String(value)}`);
    }
  });

  it('trains from a configuration, leaves out what is held out, and goes no second time over a finished run', async () => {
    const heldOut = join(folder, 'held-out.json');
    // The configuration generates these very graphs first.
    await writeFile(
      heldOut,
      JSON.stringify([...generateProsQA({ count: 5, seed: 42, hops: { minimum: 3, maximum: 4 } })].map(toProsQARecord)),
    );
    await writeFile(
      join(folder, 'graphs.yaml'),
      `kind: graphs\noutput: run\nengine: wasm\nworkers: 0\ndata: { count: 30, heldOut: [held-out.json] }\nmodel: { width: 16, heads: 2 }\nmethod: { count: 2 }\ntraining: { graphs: 2, queries: 2, shards: 1, hop: { steps: 2 }, answer: { steps: 2 } }\n`,
    );
    const first = await run('train', 'graphs.yaml', '--json');
    expect(first.stderr).toBe('');
    expect(first.events.filter(({ event }) => event === 'phase')).toMatchObject([
      { phase: 'hop 1', step: 2 },
      { phase: 'hop 2', step: 4 },
      { phase: 'answer', step: 6 },
    ]);
    const finished = JSON.parse(await readFile(join(folder, 'run/finished.json'), 'utf8')) as Record<string, unknown>;
    expect(finished).toMatchObject({ steps: 6, graphs: 25, leftOut: 5 });
    const second = await run('train', 'graphs.yaml', '--json');
    expect(second.events.map(({ event }) => event)).toEqual(['notice', 'finished']);

    const none = await run('train', 'graphs.yaml', 'method.thoughts=none', 'output=none', '--json');
    expect(none.code).toBe(0);
    const noThoughts = await run('thoughts', '--model', 'none/reasoner', '--task', 'prosqa-graph', '--limit', '2');
    expect(noThoughts).toMatchObject({ code: 1, stderr: expect.stringContaining('answers without thoughts') });
  });

  it('has what every run has: loggers, validation on graphs that are left out of training, and the best weights', async () => {
    const graphs = [...generateProsQA({ count: 6, seed: 42, hops: { minimum: 3, maximum: 4 } })];
    await writeFile(join(folder, 'validation.json'), JSON.stringify(graphs.map(toProsQARecord)));
    await writeFile(
      join(folder, 'logger.mjs'),
      // Lines that were written before the logger was ready come with its start.
      `import { appendFileSync } from 'node:fs';
export const createLogger = ({ file }) => {
  const log = ({ step, validationLoss }) => appendFileSync(file, JSON.stringify({ step, validationLoss }) + '\\n');
  return { start({ entries }) { entries.forEach(log); }, finish() {}, log };
};\n`,
    );
    const told = join(folder, 'told.jsonl');
    const { code, stderr } = await run(
      ...['train', 'graphs.yaml', 'output=validated', 'data.validation=validation.json', 'data.heldOut=[]'],
      ...['training.validation={"graphs":4,"steps":1}', 'training.finalWeights=best', 'training.logSteps=1'],
      `logs={"tensorboard":true,"modules":[{"path":"logger.mjs","options":{"file":${JSON.stringify(told)}}}]}`,
    );
    expect(`${code} ${stderr}`).toBe('0 ');
    const lines = (await readFile(join(folder, 'validated/log.jsonl'), 'utf8')).trim().split('\n');
    const losses = lines.map((line) => (JSON.parse(line) as { validationLoss: number }).validationLoss);
    expect(losses).toHaveLength(6);
    expect(losses.every((loss) => Number.isFinite(loss) && loss > 0)).toBe(true);
    expect((await readFile(told, 'utf8')).trim().split('\n')).toHaveLength(6);
    expect((await readdir(join(folder, 'validated/tensorboard'))).join()).toMatch(/tfevents/);
    expect(JSON.parse(await readFile(join(folder, 'validated/finished.json'), 'utf8'))).toMatchObject({
      graphs: 24,
      leftOut: 6,
    });
    const without = await run('train', 'graphs.yaml', 'output=best', 'training.finalWeights=best');
    expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining('held-out graphs in data.validation') });
  });

  it('names every fault of a configuration at once', async () => {
    await writeFile(
      join(folder, 'broken.yaml'),
      'kind: graphs\noutput: x\nmethod: { thougths: continuous, count: 12 }\ntraining: { hop: { mastery: 2 } }\n',
    );
    const { code, stderr } = await run('train', 'broken.yaml');
    expect(code).toBe(1);
    expect(stderr).toMatch(/did you mean "thoughts"/);
    expect(stderr).toMatch(/method\.count/);
    expect(stderr).toMatch(/training\.hop\.mastery/);
    const heads = await run('train', 'graphs.yaml', 'model.heads=3', 'output=y');
    expect(heads).toMatchObject({ code: 1, stderr: expect.stringContaining('not a multiple of model.heads 3') });
    const positions = await run('train', 'graphs.yaml', 'model.positions=20', 'output=y');
    expect(positions).toMatchObject({ code: 1, stderr: expect.stringContaining('model.positions is 20') });
  });
});

describe('subtext thoughts', () => {
  it('shows the search frontier in the thoughts of the checkpoint, as table, page and JSON', async () => {
    expect((await stat(join(checkpoint, 'model.safetensors'))).size).toBeLessThan(4 * 2 ** 20);
    const [people, machine] = await Promise.all([
      run('thoughts', '--model', checkpoint, '--task', 'prosqa-graph', '--limit', '60', '--output', 'thoughts.html'),
      run('thoughts', '--model', checkpoint, '--task', 'prosqa-graph', '--limit', '60', '--json'),
    ]);
    expect(people.stderr).toBe('');
    expect(people.stdout).toMatch(/thought +optimal +frontier +reachable +unreachable/);
    expect(people.stdout).toContain('all thoughts: optimal > frontier > reachable > unreachable.');
    const page = await readFile(join(folder, 'thoughts.html'), 'utf8');
    expect(page).toMatch(/<svg[^]*optimal[^]*frontier/);
    expect(page).not.toMatch(/<script|https?:\/\//);
    type Classes = Record<string, { mean: number; standardError: number }>;
    const event = machine.events.at(-1) as { thoughts: { classes: Classes }[]; overall: Classes };
    expect(event.thoughts).toHaveLength(4);
    const means = ['optimal', 'frontier', 'reachable', 'unreachable'].map((name) => event.overall[name]!.mean);
    expect(means).toEqual([...means].sort((a, b) => b - a));
    for (const { classes } of event.thoughts)
      expect(classes.frontier!.mean).toBeGreaterThan(classes.reachable!.mean + classes.reachable!.standardError);
  });

  it('refuses another task, a folder that is no reasoner and a file without graphs', async () => {
    await writeFile(
      join(folder, 'words.json'),
      JSON.stringify([{ question: 'Is it?', steps: ['It is.'], answer: 'Yes.' }]),
    );
    const [task, model, data, missing] = await Promise.all([
      run('thoughts', '--model', checkpoint, '--task', 'gsm8k'),
      run('thoughts', '--model', folder, '--task', 'prosqa-graph'),
      run('thoughts', '--model', checkpoint, '--task', 'prosqa-graph', '--data', 'words.json'),
      run('thoughts', '--model', checkpoint),
    ]);
    expect(task).toMatchObject({ code: 1, stderr: expect.stringContaining('Task "gsm8k" has no graphs') });
    expect(model).toMatchObject({ code: 1, stderr: expect.stringContaining("is not a reasoner's folder") });
    expect(data).toMatchObject({ code: 1, stderr: expect.stringContaining('no example') });
    expect(missing.code).toBe(1);
  });
});
