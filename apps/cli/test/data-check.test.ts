import { generateProsQA, toProsQARecord } from '@subtext/data';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { serveRanges } from '../../../packages/hub/test/range-server';
import { subtext } from './run-command';

let folder: string;
const run = (...args: string[]) => subtext(args, { folder });
const write = (name: string, content: string) => writeFile(join(folder, name), content);
const lines = (...records: object[]) => records.map((record) => JSON.stringify(record)).join('\n');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-check-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

interface Use {
  name: string;
  possible: boolean;
  reason?: string;
}
const possible = (uses: Use[]) => uses.filter((use) => use.possible).map(({ name }) => name);

describe('subtext data check', () => {
  it('finds the format, and says what each command can do with a file', async () => {
    await write(
      'sums.jsonl',
      lines({ question: '1 + 2?', steps: ['1 + 2 = 3'], answer: 3 }, { question: '2 + 2?', answer: '4' }),
    );
    await write('names.jsonl', lines({ question: 'Who?', answer: 'Ann' }, { question: 'Who else?', answer: 'ann' }));
    const [sums, names, told] = await Promise.all([
      run('data', 'check', 'sums.jsonl', '--json'),
      run('data', 'check', 'names.jsonl', '--json'),
      run('data', 'check', 'sums.jsonl'),
    ]);
    expect(sums).toMatchObject({ code: 0, events: [{ format: 'jsonl', examples: 2, dropped: 0 }] });
    const { train, evaluate, audit } = sums.events[0]!.commands as { train: Use[]; evaluate: Use[]; audit: Use };
    expect(possible(train).sort()).toEqual([
      'adaptive',
      'coconut',
      'codi',
      'colar',
      'cot',
      'cot2',
      'heima',
      'icot',
      'kava',
      'no-cot',
      'pause',
      'sim-cot',
    ]);
    expect(train.find(({ name }) => name === 'heima')).toMatchObject({ reason: '1 of 2 examples have no steps' });
    expect(possible(evaluate)).toEqual(['exact', 'numeric', 'choice', 'facts']);
    expect(audit.possible).toBe(true);
    const other = names.events[0]!.commands as { train: Use[]; evaluate: Use[] };
    expect(possible(other.train)).toEqual(['no-cot', 'pause']);
    expect(other.evaluate.find(({ name }) => name === 'numeric')).toMatchObject({
      possible: false,
      reason: '2 of 2 answers are not numbers',
    });
    expect(told.stdout).toMatch(
      /sums\.jsonl as jsonl: 2 examples[^]*subtext train, method: no-cot, cot[^]*not graph[^]*subtext-eval run, --score: exact, numeric[^]*subtext-eval audit: yes/,
    );
  });

  it('names the right format where the wrong one was given, and takes folders', async () => {
    const records = [{ question: '1 + 2?', steps: ['3'], answer: '3' }];
    await mkdir(join(folder, 'set'));
    await mkdir(join(folder, 'other'));
    await Promise.all([
      write('set/train.jsonl', lines(...records)),
      write('other/sums.jsonl', lines(...records)),
      write('array.json', JSON.stringify(records)),
      write('odd.txt', 'nothing that is known'),
    ]);
    const [wrong, array, inFolder, listed, unknown, none] = await Promise.all([
      run('data', 'check', 'set/train.jsonl', '--format', 'llava-cot'),
      run('data', 'check', 'array.json', '--format', 'jsonl'),
      run('data', 'check', 'set', '--json'),
      run('data', 'check', 'other', '--format', 'jsonl'),
      run('data', 'check', 'odd.txt'),
      run('data', 'check', 'array.json', '--format', '__proto__'),
    ]);
    expect(wrong).toMatchObject({ code: 1, stdout: expect.stringContaining('looks like jsonl') });
    expect(array).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/one JSON value[^]*looks like coconut-json/),
    });
    expect(inFolder).toMatchObject({ code: 0, events: [{ file: join('set', 'train.jsonl'), examples: 1 }] });
    expect(listed).toMatchObject({ code: 1, stderr: expect.stringContaining('name a file in it: sums.jsonl') });
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('is in no known format') });
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('no data format') });
  });

  it.skipIf(process.platform === 'win32')(
    'ends at once on files that are not files, and on lines without end',
    async () => {
      await write('long.jsonl', '');
      await truncate(join(folder, 'long.jsonl'), 600e6);
      execFileSync('mkfifo', [join(folder, 'pipe.jsonl')]);
      const [long, pipe, device] = await Promise.all([
        run('data', 'check', 'long.jsonl', '--format', 'llava-cot'),
        run('data', 'check', 'pipe.jsonl', '--format', 'jsonl'),
        run('data', 'check', '/dev/zero'),
      ]);
      expect(long).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/long\.jsonl:1: the line has more than 67108864 bytes/),
      });
      expect(pipe).toMatchObject({ code: 1, stderr: expect.stringMatching(/pipe\.jsonl.*not a file/) });
      expect(device).toMatchObject({ code: 1, stderr: expect.stringMatching(/not a file/) });
    },
  );
});

describe('names in faults', () => {
  it('cannot look like lines of the report, or steer the terminal', async () => {
    const image = 'x.png\nNo faults.\u001b[2J';
    await write('names.jsonl', lines({ question: 'q', image, steps: ['s'], answer: 'a' }));
    const { stdout } = await run('data', 'check', 'names.jsonl', '--format', 'jsonl');
    expect(stdout).toContain('names.jsonl:1: there is no image x.png\\u000aNo faults.\\u001b[2J');
    expect(stdout).not.toMatch(/^No faults/m);
  });
});

describe.skipIf(process.platform === 'win32')('subtext train on pictures', () => {
  it('names those that are no files before it begins', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.png')]);
    await write('pictures.jsonl', lines({ question: 'q', image: 'pipe.png', steps: ['s'], answer: 'a' }));
    await write(
      'pictures.yaml',
      'output: seen\nengine: wasm\nworkers: 0\ndata: { format: jsonl, train: pictures.jsonl }\nmodel: { new: { model_type: gpt2, n_embd: 16, n_layer: 1, n_head: 2, n_positions: 64 } }\nmethod: { name: cot }\n',
    );
    expect(await run('train', 'pictures.yaml')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/pipe\.png: .*not a file.*image-broken/),
    });
  });

  it('reads a file of the Hub, and says what is wrong where it cannot', async () => {
    const file = new TextEncoder().encode(lines({ question: '1 + 2?', answer: '3' }));
    const server = await serveRanges({ files: { '/datasets/org/sums/resolve/v1/data/train.jsonl': file } });
    const at = (name: string, environment: Record<string, string>) =>
      subtext(['data', 'check', `hf://datasets/org/sums@v1/data/${name}.jsonl`, '--json'], { folder, environment });
    const [found, absent, offline] = await Promise.all([
      at('train', { HF_HUB_OFFLINE: '0', HF_ENDPOINT: server.address }),
      at('test', { HF_HUB_OFFLINE: '0', HF_ENDPOINT: server.address }),
      at('train', {}),
    ]).finally(() => server.close());
    expect(found).toMatchObject({ code: 0, events: [{ format: 'jsonl', examples: 1 }] });
    expect(absent).toMatchObject({ code: 1, stderr: expect.stringMatching(/has no hf:.*test\.jsonl/) as string });
    expect(offline).toMatchObject({ code: 1, stderr: expect.stringMatching(/HF_HUB_OFFLINE is set/) as string });
  });
});

describe('subtext train on graphs', () => {
  it('reports faulty records of the training set and of held-out sets', async () => {
    const records = [...generateProsQA({ count: 4, seed: 1 })].map(toProsQARecord);
    await write('sound.json', JSON.stringify(records));
    await write('faulty.json', JSON.stringify([...records, { ...records[0], edges: [[1]] }]));
    await write('graphs.yaml', 'kind: graphs\noutput: run\nengine: wasm\nworkers: 0\nmodel: { width: 16, heads: 2 }\n');
    const [train, heldOut] = await Promise.all([
      run('train', 'graphs.yaml', 'data.train=faulty.json'),
      run('train', 'graphs.yaml', 'data.train=sound.json', 'data.heldOut=["faulty.json"]'),
    ]);
    for (const result of [train, heldOut])
      expect(result).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/1 fault in 5 records of .*faulty\.json[^]*faulty\.json:5: record 5: `edges`/),
      });
  });
});
