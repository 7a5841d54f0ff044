import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { subtext } from './run-command';
import { blindConfiguration } from './tiny-run';

let folder: string;
let server: Server;
let endpoint: string;
/** What the hub was asked, by address. */
const asked: { path: string; body: string }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-push-'));
  const run = (words: string[]) => subtext(words, { folder });
  expect((await run(['data', 'generate', 'scenes', 'data', '--train', '12', '--test', '4'])).code).toBe(0);
  await writeFile(join(folder, 'blind.yaml'), blindConfiguration);
  expect(
    await run(['train', 'blind.yaml', 'output=run', `data.train=${join(folder, 'data', 'train.jsonl')}`]),
  ).toMatchObject({
    code: 0,
  });
  // Of an evaluation and an audit, what the card reads.
  await mkdir(join(folder, 'run', 'evaluation'));
  await writeFile(
    join(folder, 'run', 'evaluation', 'results_2026-01-01T00-00-00.json'),
    JSON.stringify({
      results: { scenes: { alias: 'scenes', 'exact_match,none': 0.25, 'exact_match_stderr,none': 0.125, thoughts: 2 } },
      'n-samples': { scenes: { original: 4, effective: 4 } },
      date: 1767225600,
    }),
  );
  await mkdir(join(folder, 'run', 'audit'));
  const thoughts = { verdict: 'not used', certain: true, evidence: ['Nothing changes.'] };
  const stages = [{ stage: 'caption', verdict: 'not used', pairs: 9 }];
  await writeFile(
    join(folder, 'run', 'audit', 'audit.json'),
    JSON.stringify({ thoughts, stages, task: 'scenes', count: 4 }),
  );
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      const path = request.url!;
      asked.push({ path, body });
      const files = () => (JSON.parse(body) as { files: { path: string }[] }).files;
      const answer = path.includes('preupload')
        ? { files: files().map((file) => ({ path: file.path, uploadMode: 'regular' })) }
        : { commitOid: 'd'.repeat(40) };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const push = (...words: string[]) =>
  subtext(['push', ...words], { folder, environment: { HF_ENDPOINT: endpoint, HF_TOKEN: 'hf_secret' } });

it('says what it would send, with a card of configuration, results, verdict and commands, and sends nothing', async () => {
  const { code, events, stderr } = await push('run', 'mine/model', '--license', 'mit', '--json');
  expect(`${code} ${stderr}`).toBe('0 ');
  const { files, card } = events.at(-1) as unknown as { files: { path: string }[]; card: string };
  expect(files.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['README.md', 'config.json', 'model.safetensors', 'subtext.json', 'tokenizer.json']),
  );
  expect(asked).toEqual([]);
  expect(card).toMatch(/^---\nlicense: mit\n/);
  expect(card).toMatch(/^model-index: \[\{"name":"run"/m);
  expect(card).not.toContain('licence is not stated');
  expect(card).toMatch(/^## Results\n[^]*\| scenes \| exact_match \| 25\.0 % ± 12\.5 % \| 4 \|/m);
  expect(card).toMatch(/\*\*not used\*\*, by an audit over 4 questions of `scenes`[^]*\| caption \| not used \| 9 \|/);
  expect(card).toMatch(/^## Its configuration[^]*^ {2}train: train\.jsonl$/m);
  expect(card).not.toContain(folder);
  const plain = await push('run/reasoner', 'mine/model');
  expect(plain.stdout).toMatch(/Nothing was sent\. Send it with .* push "run\/reasoner" mine\/model --yes/);
});

it('sends it with --yes', async () => {
  const { code, stdout, stderr } = await push('run', 'mine/model', '--yes', '--message', 'Mine');
  expect(`${code} ${stderr}`).toMatch(/^0 /);
  expect(stdout).toContain(`${endpoint}/mine/model (commit dddddddd)`);
  expect(asked.map(({ path }) => path)).toEqual([
    '/api/repos/create',
    '/api/models/mine/model/preupload/main',
    '/api/models/mine/model/commit/main',
  ]);
  expect(asked[2]!.body).toContain('"summary":"Mine"');
  // The card in the folder stays.
  expect(await readFile(join(folder, 'run', 'reasoner', 'README.md'), 'utf8')).not.toContain('## Results');
});

it('leaves a card of its user as it is, and says what is no model and no id', async () => {
  await writeFile(join(folder, 'run', 'reasoner', 'README.md'), '# Mine\n');
  const own = await push('run', 'mine/model', '--audit', 'run/audit', '--json');
  expect(own.events.at(-1)).toMatchObject({ event: 'planned', card: null });
  const wrong = await Promise.all([push('data', 'mine/model'), push('nowhere', 'mine/model'), push('run', 'model')]);
  for (const [index, message] of ['is not a model folder', 'no folder nowhere', 'is not a hub id'].entries())
    expect(wrong[index]).toMatchObject({ code: 1, stderr: expect.stringContaining(message) as string });
});
