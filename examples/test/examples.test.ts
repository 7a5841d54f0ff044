import { chromium } from '@subtext/build/browser-page';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// Sources of another workspace: where MPI is, a program runs on two ranks of it.
import { mpirun, ranks } from '../../apps/cli/test/ranks';

const examples = fileURLToPath(new URL('../', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-examples-'));
  const sums = Array.from({ length: 16 }, (_, index) => {
    const [one, other, last] = [index % 4, (index % 3) + 1, index % 2];
    const steps = [`${one} + ${other} = ${one + other}`, `${one + other} + ${last} = ${one + other + last}`];
    return { id: String(index), question: `${one} + ${other} + ${last}`, steps, answer: String(one + other + last) };
  });
  await writeFile(join(folder, 'sums.jsonl'), sums.map((sum) => `${JSON.stringify(sum)}\n`).join(''));
  await writeFile(join(folder, 'sums.tsv'), `2 + 3\t2 + 3 = 5\t5\nno tabs\n1 + 1 + 1\t1 + 1 = 2; 2 + 1 = 3\t3\n`);
  // Every other example takes a model that one of these two has trained.
  const words = ['sums.jsonl', 'machines', '3'];
  const program = join(examples, 'several-machines.mjs');
  const told = mpirun
    ? (await ranks({ size: 2, program, words, folder })).output
    : await run('several-machines', ...words);
  expect(told).toMatch(new RegExp(`finished on ${mpirun ? 2 : 1} ranks after \\d+ s`));
  expect(await run('fine-tune-lora', 'machines/reasoner', 'sums.jsonl', 'tuned', '3')).toMatch(
    /step \d+: loss [\d.]+\n[^]*tuned\/reasoner after \d+ s/,
  );
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const environment = { ...process.env, SUBTEXT_ENGINE: 'wasm', HF_HUB_OFFLINE: '1' };
async function run(name: string, ...words: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(examples, `${name}.mjs`), ...words], {
    cwd: folder,
    env: environment,
  });
  expect(stderr, name).toBe('');
  return stdout;
}

it('are ten, of at most 60 lines, and have a line in the README each', async () => {
  const readme = await readFile(join(examples, 'README.md'), 'utf8');
  const names = readdirSync(examples).filter((name) => name.endsWith('.mjs') || name === 'browser-page');
  expect(names).toHaveLength(10);
  for (const name of names) {
    expect(readme).toContain(`](${name})`);
    const program = name === 'browser-page' ? 'browser-page/page.mjs' : name;
    expect(readFileSync(join(examples, program), 'utf8').trimEnd().split('\n').length, name).toBeLessThanOrEqual(60);
  }
});

it('fine-tuning leaves an adapter of PEFT', () => {
  expect(existsSync(join(folder, 'tuned/reasoner/adapter/adapter_model.safetensors'))).toBe(true);
});

it('a thought is read, in words and through the lens', async () => {
  const told = await run('read-a-thought', 'tuned/reasoner', '1 + 2 + 1');
  expect(told).toMatch(/^answer: /);
  expect(told).toMatch(/^step_1 in words: /m);
  expect(told).toMatch(/^step_1, thought 0: ".*" 0\.\d\d, /m);
});

it('a thought is edited', async () => {
  const told = await run('edit-a-thought', 'machines/reasoner', '1 + 2 + 1', '3 + 1 + 0');
  expect(told).toMatch(/^asked: .*; the other question: /);
  expect(told.match(/^step_\d: with the other's thoughts .*; without any /gm)).toHaveLength(2);
});

it('a checkpoint is audited', async () => {
  const told = await run('audit-a-checkpoint', 'machines/reasoner', 'none', 'sums.jsonl', 'audited');
  expect(told).toMatch(/^Thoughts: (used|partly used|not used|cannot tell)\.$/m);
  expect(existsSync(join(folder, 'audited/audit/report.html'))).toBe(true);
});

it('a method, a task and a format are added', async () => {
  const [method, task, format] = await Promise.all([
    run('new-method', 'sums.jsonl', 'backwards', '60'),
    run('new-task', 'machines/reasoner', 'sums.jsonl', 'measured'),
    run('new-format', 'sums.tsv'),
  ]);
  expect(method).toMatch(/^0 \+ 1 \+ 0\n/);
  expect(JSON.parse(readFileSync(join(folder, 'backwards/reasoner/subtext.json'), 'utf8'))).toMatchObject({
    method: { name: 'backwards', keep: 3 },
  });
  expect(task).toContain('near-enough');
  expect(format).toMatch(/^2 examples, 1 left out\nsums\.tsv:2: /);
});

describe('servers', () => {
  const children: ChildProcess[] = [];
  const servers: Server[] = [];
  afterAll(() => {
    for (const child of children) child.kill();
    for (const server of servers) server.close();
  });

  it('an answer is streamed', async () => {
    const child = spawn(process.execPath, [join(examples, 'web-server.mjs'), 'machines/reasoner', '0'], {
      cwd: folder,
      env: environment,
    });
    children.push(child);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const address = /http:\S+/.exec(line.toString())![0];
    const ask = async (question: string) => (await fetch(`${address}?question=${encodeURIComponent(question)}`)).text();
    const [first, second] = await Promise.all([ask('1 + 2 + 1'), ask('3 + 1 + 0')]);
    for (const events of [first, second]) {
      expect(events.match(/^event: text$/gm)!.length).toBeGreaterThan(1);
      const { thoughts, tokens } = JSON.parse(/^event: answer\ndata: (.*)$/m.exec(events)![1]!) as {
        thoughts: { norm: number }[];
        tokens: number;
      };
      expect(thoughts).toHaveLength(2);
      expect(tokens).toBeGreaterThan(0);
    }
    expect((await fetch(address.replace('think', 'x'))).status).toBe(404);
  });

  it.skipIf(chromium === undefined)('a page thinks in the browser', async () => {
    const { build } = await import('vite');
    const site = join(folder, 'site');
    await build({
      root: join(examples, 'browser-page'),
      configFile: false,
      logLevel: 'silent',
      build: { outDir: site, target: 'es2022' },
    });
    const types: Record<string, string> = {
      '.html': 'text/html',
      '.js': 'text/javascript',
      '.wasm': 'application/wasm',
    };
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url!, 'http://localhost');
      const path = join(pathname.startsWith('/machines/') ? folder : site, pathname === '/' ? 'index.html' : pathname);
      if (!existsSync(path)) return void response.writeHead(404).end();
      response.setHeader('content-type', types[extname(path)] ?? 'application/octet-stream');
      if (request.method === 'HEAD') return void response.end();
      createReadStream(path).pipe(response);
    });
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const playwright = await import('playwright-core');
    const browser = await playwright.chromium.launch({ executablePath: chromium, args: ['--no-sandbox'] });
    try {
      const page = await browser.newPage();
      const { port } = server.address() as AddressInfo;
      const words = new URLSearchParams({ model: '/machines/reasoner', question: '1 + 2 + 1' });
      await page.goto(`http://127.0.0.1:${port}/?${words.toString()}`);
      await page.waitForSelector('body[data-state=ready]', { timeout: 60_000 });
      expect(await page.locator('output canvas').count()).toBe(2);
    } finally {
      await browser.close();
    }
  });
});
