import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { subtext } from './run-command';

/** Everything that can be added, in one file that imports nothing: a method with an objective of its own, a format, a task. */
const extension = `
export default function extend({ registerMethod, registerObjective, registerFormat, registerTask, registerFamily, z, data, reasoner, tensor }) {
  const { tf, gatherRows } = tensor;
  registerObjective({
    name: 'quiet',
    create: ({ options: { weight } }) => ({
      loss({ forward, part: { rows } }) {
        const size = tf.mean(tf.square(gatherRows({ input: forward.states, indices: rows })));
        return { terms: [tf.mul(size, weight)], parts: { thoughtSize: size } };
      },
    }),
    parts: ({ batches }) => batches.map(({ thoughts }) => thoughts && { rows: thoughts.rows }),
  });
  registerMethod({
    name: 'quiet-pause',
    options: z.strictObject({ count: z.number().int().min(1).max(8).default(2), weight: z.number().min(0).default(0.5) }),
    create: ({ count, weight }) => ({
      ...reasoner.createMethod({ name: 'pause', count }),
      name: 'quiet-pause',
      objectives: [{ name: 'next-token' }, { name: 'quiet', options: { weight } }],
    }),
  });
  registerFormat({
    name: 'sums',
    description: 'JSON lines { question, answer }, as jsonl',
    read: (options) => data.findFormat('jsonl').read(options),
  });
  registerTask({
    name: 'sums',
    description: 'sums',
    version: 1,
    modality: 'text',
    dataDescription: 'JSON lines { question, answer }',
    metrics: [{ name: 'exact_match', higherIsBetter: true }],
    load: ({ path, ...options }) => data.findFormat('sums').read({ file: path, ...options }),
    prompt: ({ question }) => question,
    score({ prediction, example }) {
      const correct = prediction?.trim() === example.answer;
      return { correct, parseable: prediction !== null, extracted: prediction, scores: { exact_match: correct ? 1 : 0 } };
    },
  });
  if (typeof registerFamily !== 'function') throw new Error('no families');
}
`;

let folder: string;
const run = (...args: string[]) => subtext(args, { folder });
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-include-'));
  const records = Array.from({ length: 12 }, (_, index) => ({
    id: String(index),
    question: `${index % 4} + ${index % 3}`,
    answer: String((index % 4) + (index % 3)),
  }));
  await writeFile(join(folder, 'sums.jsonl'), records.map((record) => JSON.stringify(record)).join('\n'));
  await writeFile(join(folder, 'extension.mjs'), extension);
  await writeFile(
    join(folder, 'quiet.yaml'),
    `output: run
engine: wasm
workers: 2
data: { format: sums, train: sums.jsonl }
reasoningFormat: lines
model: { new: { model_type: gpt2, n_positions: 32, n_embd: 16, n_layer: 1, n_head: 2 } }
method: { name: quiet-pause, weight: 0.25 }
training: { batchSize: 4, logSteps: 1, encode: { steps: 3 }, text: { steps: 3 } }
`,
  );
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

describe('--include', () => {
  it('trains a registered method on a registered objective, on workers, asks it, and measures it on a registered task', async () => {
    const trained = await run('train', 'quiet.yaml', '--include', 'extension.mjs', '--json');
    expect(`${trained.code} ${trained.stderr}`).toBe('0 ');
    const lines = (await readFile(join(folder, 'run/log.jsonl'), 'utf8')).trim().split('\n');
    for (const line of lines) {
      const { loss, answerLoss, thoughtSize } = JSON.parse(line) as Record<string, number>;
      expect(loss).toBeCloseTo(answerLoss! + 0.25 * thoughtSize!, 4);
    }
    const settings = JSON.parse(await readFile(join(folder, 'run/reasoner/subtext.json'), 'utf8')) as {
      method: unknown;
    };
    // What the configuration left out has the default of the schema.
    expect(settings.method).toEqual({ name: 'quiet-pause', count: 2, weight: 0.25 });

    const [asked, unknown, measured] = await Promise.all([
      run('think', '--model', 'run/reasoner', '--include', 'extension.mjs', '--json', '1 + 2'),
      run('think', '--model', 'run/reasoner', '1 + 2'),
      run(
        ...['eval', 'run', '--model', 'run/reasoner', '--include', 'extension.mjs', '--task', 'sums'],
        ...['--data', 'sums.jsonl', '--output', 'measured', '--json'],
      ),
    ]);
    expect(asked).toMatchObject({ code: 0, stderr: '', events: [{ event: 'answer', thoughts: [{}, {}] }] });
    expect(unknown).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/method.*known here.*include that module/),
    });
    expect(`${measured.code} ${measured.stderr}`).toBe('0 ');
    expect(measured.events.at(-1)).toMatchObject({ event: 'results', results: { sums: expect.any(Object) } });
    const audited = await run(
      ...['eval', 'audit', '--model', 'run/reasoner', '--include', 'extension.mjs', '--task', 'sums'],
      ...['--data', 'sums.jsonl', '--output', 'audited', '--no-probes', '--json'],
    );
    expect(`${audited.code} ${audited.stderr}`).toBe('0 ');
  }, 120_000);

  it('reaches experiments, in processes side by side too, tasks and formats that are listed, and data that is checked', async () => {
    await writeFile(
      join(folder, 'experiment.yaml'),
      `output: experiment
base: quiet.yaml
axes: { method.count: [1, 2] }
seeds: [1]
evaluation: { task: sums, data: sums.jsonl }
`,
    );
    const experiment = await run(
      ...['experiment', 'experiment.yaml', '--include', 'extension.mjs', '--parallel', '2', '--json'],
    );
    expect(`${experiment.code} ${experiment.stderr}`).toBe('0 ');
    expect(experiment.events.at(-1)).toMatchObject({
      event: 'experiment',
      command: 'subtext experiment experiment.yaml --include extension.mjs',
    });
    const [formats, checked, own, tasks, without] = await Promise.all([
      run('data', 'formats', '--include', 'extension.mjs', '--json'),
      run('data', 'check', 'sums.jsonl', '--format', 'sums', '--include', 'extension.mjs', '--json'),
      run(
        ...['eval', 'run', '--model', 'run/reasoner', '--include', 'extension.mjs', '--format', 'sums'],
        ...['--score', 'exact', '--data', 'sums.jsonl', '--output', 'own', '--json'],
      ),
      run('eval', 'list', '--include', 'extension.mjs', '--json'),
      run('data', 'check', 'sums.jsonl', '--format', 'sums'),
    ]);
    expect(formats.events[0]).toMatchObject({
      formats: expect.arrayContaining([expect.objectContaining({ name: 'sums' })]) as unknown,
    });
    expect(checked.events.at(-1)).toMatchObject({ event: 'checked', format: 'sums', examples: 12 });
    expect(own.events.at(-1)).toMatchObject({ event: 'results' });
    expect(tasks.events.map(({ name }) => name)).toContain('sums');
    expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no data format "sums"') });
  }, 120_000);

  it('checks a registered method’s options by its schema: in a configuration, and in subtext.json', async () => {
    const wrong = await run('train', 'quiet.yaml', '--include', 'extension.mjs', 'method.wieght=1', 'method.count=9');
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringMatching(/did you mean "weight"\?/) });
    expect(wrong.stderr).toContain('method.count');
    const path = join(folder, 'run/reasoner/subtext.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"weight": 0.25', '"weight": -1'));
    const think = await run('think', '--model', 'run/reasoner', '--include', 'extension.mjs', '1 + 2');
    await writeFile(path, text);
    expect(think).toMatchObject({ code: 1, stderr: expect.stringMatching(/subtext\.json.*method\.weight/) });
  });

  it('names what is wrong with a module', async () => {
    await writeFile(join(folder, 'empty.mjs'), 'export const nothing = 1;\n');
    await writeFile(
      join(folder, 'taken.mjs'),
      "export default ({ registerMethod }) => registerMethod({ name: 'cot' });\n",
    );
    const [missing, empty, taken, without] = await Promise.all([
      run('train', 'quiet.yaml', '--include', 'nowhere.mjs'),
      run('train', 'quiet.yaml', '--include', 'empty.mjs'),
      run('train', 'quiet.yaml', '--include', 'taken.mjs'),
      run('train', 'quiet.yaml'),
    ]);
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no file nowhere.mjs') });
    expect(empty).toMatchObject({ code: 1, stderr: expect.stringContaining('no default export that is a function') });
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining('There is a method "cot" already') });
    expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining('method.name: "quiet-pause" is none') });
  });
});
