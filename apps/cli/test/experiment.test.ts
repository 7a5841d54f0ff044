import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { subtext } from './run-command';

const base = `
output: never
engine: wasm
workers: 0
data: { format: coconut-json, train: data/train.json }
model:
  new: { model_type: llama, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2, max_position_embeddings: 192, tie_word_embeddings: true }
method: { name: no-cot }
training: { batchSize: 4, text: { steps: 3 } }
`;
const experiment = `
output: out
base: base.yaml
axes: { method.name: [no-cot, cot] }
seeds: [1, 2]
evaluation: { task: gsm8k-aug, data: data/test.json }
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-experiment-'));
  await writeFile(join(folder, 'base.yaml'), base);
  await writeFile(join(folder, 'experiment.yaml'), experiment);
  const data = ['data', 'generate', 'modular-arithmetic', 'data', '--train', '24', '--test', '6', '--seed', '1'];
  expect((await subtext(data, { folder })).code).toBe(0);
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const run = (words: readonly string[] = [], onOutput?: NonNullable<Parameters<typeof subtext>[1]>['onOutput']) =>
  subtext(['experiment', 'experiment.yaml', '--json', ...words], { folder, onOutput });

describe('subtext experiment', () => {
  it('lists its runs with estimates and writes nothing', async () => {
    const { code, events, stderr } = await run(['--dry-run']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(events.filter(({ event }) => event === 'planned')).toMatchObject(
      ['no-cot-1', 'no-cot-2', 'cot-1', 'cot-2'].map((name) => ({ name, folder: join('out', name), state: 'waiting' })),
    );
    // One estimate for the seeds of each method.
    expect(events.filter(({ event }) => event === 'dry-run')).toHaveLength(2);
    expect(await readdir(folder)).not.toContain('out');
  });

  it('is stopped, goes on where it was, and ends with tables and tests', async () => {
    let told = false;
    const stopped = await run([], (output, interrupt) => {
      if (told || (!output.includes('"no-cot-2"') && !/"2\/4: no-cot-2"/.test(output))) return;
      told = true;
      interrupt();
    });
    expect(stopped.code).toBe(130);
    const first = join(folder, 'out', 'no-cot-1', 'finished.json');
    const before = await stat(first);
    expect(await readdir(join(folder, 'out'))).not.toContain('experiment.json');

    const whole = await run();
    expect(whole).toMatchObject({ code: 0, stderr: '' });
    expect((await stat(first)).mtimeMs).toBe(before.mtimeMs);
    const text = await readFile(join(folder, 'out', 'experiment.json'), 'utf8');
    const result = JSON.parse(text) as { runs: { scores: string; steps: number }[]; machine: object };
    expect(result).toMatchObject({
      format: 2,
      command: 'subtext experiment experiment.yaml',
      task: 'gsm8k-aug',
      questions: 6,
      seeds: [1, 2],
      machine: { engine: 'wasm', node: process.versions.node },
      cells: [
        { cell: 'no-cot', seeds: [1, 2] },
        { cell: 'cot', seeds: [1, 2] },
      ],
      comparisons: [{ left: 'no-cot', right: 'cot', models: [{ seed: 1 }, { seed: 2 }], method: { seeds: 2 } }],
    });
    expect(result.runs).toHaveLength(4);
    for (const { scores, steps } of result.runs) {
      expect(scores).toMatch(/^[01]{6}$/);
      expect(steps).toBe(3);
    }
    expect(await readFile(join(folder, 'out', 'experiment.md'), 'utf8')).toContain('| no-cot − cot |');

    // Again: nothing is trained or asked, the result is the same.
    const again = await run();
    expect(again.code).toBe(0);
    expect(again.events.filter(({ event }) => event === 'trained')).toEqual([]);
    const same = JSON.parse(await readFile(join(folder, 'out', 'experiment.json'), 'utf8')) as typeof result;
    expect({ ...same, machine: 0 }).toEqual({ ...result, machine: 0 });
  });

  it('refuses before it trains what could not be carried out', async () => {
    const refused = async (...words: string[]) => {
      const { code, stderr } = await run(['output=other', ...words]);
      expect(code).toBe(1);
      return stderr;
    };
    expect(await refused('compare=[[cot, nothing]]')).toMatch(
      /there is no "nothing" in this experiment; there are no-cot, cot/,
    );
    expect(await refused('evaluation.metric=bleu')).toMatch(/gsm8k-aug has no "bleu"/);
    expect(await refused('evaluation.data=nowhere.json')).toMatch(/nowhere\.json/);
    expect(await readdir(folder)).not.toContain('other');
  });

  it('generates its data, trains side by side, audits, chooses and measures, and writes its page', async () => {
    await writeFile(
      join(folder, 'measured.yaml'),
      `
output: measured
data: { generate: modular-arithmetic, train: 24, validation: 5, test: 6, options: { modulus: 5 } }
base: base.yaml
settings: { data: { train: '\${data}/train.json' } }
axes:
  what:
    coconut: { method: { name: coconut, hiddenSteps: 2 }, training: { phases: { hide all steps: { steps: 2 } } } }
    after: { method: { name: coconut, hiddenSteps: 2 }, model: { new: null, from: '\${runs}/coconut-\${seed}/reasoner' } }
seeds: [1, 2]
evaluation: { task: gsm8k-aug, data: '\${data}/test.json' }
choose: { data: '\${data}/validation.json' }
audit: { of: [coconut], limit: 4, floor: 0 }
fewerThoughts: [after]
seconds: { alone: 2, batched: 4 }
page: { title: Measured, text: [Some words.], path: pages/measured }
`,
    );
    const command = ['experiment', 'measured.yaml', '--json'];
    const listed = await subtext([...command, '--dry-run'], { folder });
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(listed.events.find(({ event }) => event === 'no-estimate')).toMatchObject({ reason: 'no data' });
    expect(existsSync(join(folder, 'measured'))).toBe(false);

    const { code, stderr, events } = await subtext([...command, '--parallel', '2'], { folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    // What processes of their own tell has the run's name.
    expect(new Set(events.filter(({ event }) => event === 'trained').map(({ run: name }) => name))).toEqual(
      new Set(['coconut-1', 'coconut-2', 'after-1', 'after-2']),
    );
    const text = await readFile(join(folder, 'pages', 'measured.json'), 'utf8');
    expect(text).toBe(await readFile(join(folder, 'measured', 'experiment.json'), 'utf8'));
    const result = JSON.parse(text) as {
      chosen: { choice: number; score: number }[];
      runs: { name: string; choice: number; score: number; audit?: object; fewer?: object[] }[];
      answerSeconds: Record<string, object>;
    };
    const [one, , after] = result.runs as [(typeof result.runs)[0], unknown, (typeof result.runs)[0]];
    expect(one).toMatchObject({
      name: 'coconut-1',
      audit: { count: 4, floor: 0, verdict: expect.any(String) as string },
    });
    expect(after).toMatchObject({ name: 'after-1', fewer: [{ thoughts: 1 }, { thoughts: 2 }] });
    expect(after.audit).toBeUndefined();
    // All its thoughts: what it scored by itself.
    expect(after.fewer![1]).toMatchObject({ score: after.score });
    const choices = result.runs.slice(0, 2).map(({ choice }) => choice);
    expect(result.chosen[0]).toMatchObject({ cell: 'coconut', choice: Math.max(...choices) });
    expect(Object.keys(result.answerSeconds)).toEqual(['coconut', 'after']);
    const page = await readFile(join(folder, 'pages', 'measured.md'), 'utf8');
    expect(page).toMatch(/^# Measured\n\n<!-- made -->/);
    for (const words of ['Some words.', '## Are the thoughts used?', '## How many thoughts', '## Chosen models'])
      expect(page).toContain(words);
    expect(await readFile(join(folder, 'pages', 'measured.html'), 'utf8')).not.toMatch(/undefined|NaN|\[object/);
    expect(existsSync(join(folder, 'measured', 'coconut-1', 'audit', 'report.html'))).toBe(true);

    // Again: nothing is measured anew.
    const audited = join(folder, 'measured', 'coconut-1', 'audit', 'audit.json');
    const before = await stat(audited);
    const again = await subtext([...command, '--parallel', '2'], { folder });
    expect(again.events.filter(({ event }) => event === 'trained')).toEqual([]);
    expect((await stat(audited)).mtimeMs).toBe(before.mtimeMs);
  }, 240_000);

  it('stops the others where one of the processes fails, and says which', async () => {
    const { code, stderr } = await subtext(
      [
        'experiment',
        'experiment.yaml',
        '--json',
        '--parallel',
        '2',
        'output=failed',
        'settings={ data: { train: gone.json } }',
      ],
      { folder },
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/(no-cot|cot)-[12]: .*gone\.json/);
  });
});
