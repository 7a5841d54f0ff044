import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReasoningExample } from '@subtext/data';
import timers from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeSampleRecord, type SampleRecord } from '../../results/sample-record';
import { mathvista } from '../mathvista';
import { mmVet } from '../mm-vet';
import { openAiCompatibleJudge } from './judge-endpoint';
import { judgeSamples, readJudgedSamples, type Judgement } from './judge-samples';

interface Request {
  path: string;
  authorization: string | undefined;
  body: { model: string; temperature: number; messages: { content: string }[] };
}

let folder: string;
let server: Server;
let requests: Request[];
/** What the endpoint does with a request. */
let respond: (request: Request, count: number) => { status: number; body: string; headers?: Record<string, string> };

const reply = (content: string) => ({ status: 200, body: JSON.stringify({ choices: [{ message: { content } }] }) });
const read = async (request: IncomingMessage) => {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text) as Request['body'];
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-judge-'));
  requests = [];
  server = createServer((request, response) => {
    void read(request).then((body) => {
      const seen = { path: request.url ?? '', authorization: request.headers.authorization, body };
      requests.push(seen);
      const { status, body: text, headers } = respond(seen, requests.length);
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
const judge = (options: object = {}) =>
  openAiCompatibleJudge({ baseUrl: address(), model: 'judge-1', backoffSeconds: 0.001, attempts: 2, ...options });

const examples = Array.from({ length: 8 }, (_, index): ReasoningExample => ({
  id: `v1_${index}`,
  question: `What is x${index}?`,
  steps: [],
  answer: '-1<AND>-5',
  category: index % 2 === 0 ? 'ocr,math' : 'rec',
}));
const sample = (example: ReasoningExample, index: number, answer: string | null): SampleRecord =>
  makeSampleRecord({
    index,
    id: example.id,
    document: { question: example.question, category: example.category },
    target: example.answer,
    prompt: 'p',
    output: answer ?? '',
    extracted: answer,
    scores: {},
    unparseable: answer === null,
    generatedTokens: 1,
    generatedTokensWithoutTags: 1,
    thoughts: 0,
    forwardPasses: 1,
    seconds: 0,
  });
const samples = examples.map((example, index) => sample(example, index, index === 3 ? null : `x = ${index}`));
const path = () => join(folder, 'judgements.jsonl');

describe('MM-Vet', () => {
  it('is graded by the endpoint, sample by sample', async () => {
    respond = ({ body }) => reply(body.messages[0]?.content.includes('x = 2') ? '1.0' : ' 0.5\n');
    const result = await judgeSamples({
      task: mmVet,
      samples,
      examples,
      judge: judge({ apiKey: 'secret-key' }),
      path: path(),
    });
    expect(result).toMatchObject({ byJudge: 7, byRules: 1, unreadable: 0 });
    expect(result.samples.map((one) => one.judge_score)).toEqual([0.5, 0.5, 1, 0, 0.5, 0.5, 0.5, 0.5]);
    expect(result.samples[0]).toMatchObject({ metrics: ['judge_score'], judged_by: 'judge-1' });
    expect(mmVet.measure?.(result.samples)).toEqual({
      judge_score_ocr: 0.625,
      judge_score_math: 0.625,
      judge_score_rec: 0.375,
    });
    expect(requests[0]).toMatchObject({
      path: '/v1/chat/completions',
      authorization: 'Bearer secret-key',
      body: { model: 'judge-1', temperature: 0 },
    });
    expect(requests[0]?.body.messages[0]?.content).toContain('-1 <AND> -5');
    expect(await readFile(path(), 'utf8')).not.toContain('secret-key');
  });

  it('is refused without an endpoint, before anything is asked', async () => {
    await expect(judgeSamples({ task: mmVet, samples, examples, path: path() })).rejects.toMatchObject({
      code: 'judge-missing',
    });
    expect(() => openAiCompatibleJudge({ baseUrl: 'localhost', model: 'm' })).toThrowError(/is no http address/);
    expect(() => openAiCompatibleJudge({ baseUrl: address(), model: '' })).toThrowError(
      expect.objectContaining({ code: 'judge-missing' }),
    );
  });

  it('loses nothing where the endpoint fails halfway', async () => {
    respond = (_, count) => (count <= 4 ? reply('0.7') : { status: 500, body: 'out of memory' });
    await expect(
      judgeSamples({ task: mmVet, samples, examples, judge: judge(), path: path(), parallel: 2 }),
    ).rejects.toThrowError(/answered 500: out of memory.*What is judged is kept/);
    const kept = (await readFile(path(), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Judgement);
    expect(kept.filter(({ by }) => by === 'judge-1')).toHaveLength(4);
    const before = requests.length;
    respond = () => reply('0.2');
    const result = await judgeSamples({ task: mmVet, samples, examples, judge: judge(), path: path() });
    expect(requests.length - before).toBe(3);
    expect(result.samples.filter((one) => one.judge_score === 0.7)).toHaveLength(4);
    expect(result.samples.filter((one) => one.judge_score === 0.2)).toHaveLength(3);
  });

  it('tries again where the endpoint is busy, and stops where it refuses', async () => {
    respond = (_, count) =>
      count === 1 ? { status: 429, body: 'busy', headers: { 'retry-after': '0.001' } } : reply('1');
    const one = { task: mmVet, samples: samples.slice(0, 1), examples };
    expect((await judgeSamples({ ...one, judge: judge(), path: path() })).samples[0]?.judge_score).toBe(1);
    respond = () => ({ status: 401, body: 'no such key' });
    requests = [];
    await expect(judgeSamples({ ...one, judge: judge(), path: join(folder, 'other.jsonl') })).rejects.toThrowError(
      /refused with 401: no such key/,
    );
    expect(requests).toHaveLength(1);
    respond = () => ({ status: 200, body: '<html>' });
    await expect(judgeSamples({ ...one, judge: judge(), path: join(folder, 'other.jsonl') })).rejects.toMatchObject({
      code: 'judge-failed',
    });
  });

  it('names an endpoint that is not there, and one that does not answer in time', async () => {
    const one = { task: mmVet, samples: samples.slice(0, 1), examples, path: path() };
    await expect(
      judgeSamples({
        ...one,
        judge: openAiCompatibleJudge({ baseUrl: 'http://127.0.0.1:9/v1', model: 'm', attempts: 1 }),
      }),
    ).rejects.toThrowError(/cannot be reached/);
    respond = () => reply('1');
    server.prependListener('request', (_, response) => response.destroy());
    await expect(judgeSamples({ ...one, judge: judge({ attempts: 1, timeoutSeconds: 1 }) })).rejects.toMatchObject({
      code: 'judge-failed',
    });
  });

  it('asks again, warmer, where a reply is no grade; then counts it', async () => {
    respond = (_, count) => reply(count === 3 ? '0.4' : 'I would say rather good');
    const first = await judgeSamples({
      task: mmVet,
      samples: samples.slice(0, 1),
      examples,
      judge: judge(),
      path: path(),
    });
    expect(first.samples[0]?.judge_score).toBe(0.4);
    expect(requests.map(({ body }) => body.temperature)).toEqual([0, 0.5, 1]);
    respond = () => reply('7');
    const second = await judgeSamples({
      task: mmVet,
      samples: samples.slice(1, 2),
      examples,
      judge: judge(),
      path: join(folder, 'more.jsonl'),
    });
    expect(second).toMatchObject({ unreadable: 1, byJudge: 0 });
    expect(second.samples[0]).toMatchObject({ judge_score: 0, judged_by: 'none' });
  });
});

describe('an endpoint that is not to be trusted', () => {
  const one = () => ({ task: mmVet, samples: samples.slice(0, 1), examples, path: path() });
  const failure = async (options: object = {}) =>
    await judgeSamples({ ...one(), judge: judge({ apiKey: 'sk-very-secret', ...options }) }).then(
      () => '',
      (error: Error & { code: string }) => `${error.code}: ${error.message}`,
    );

  it('never gets its key repeated', async () => {
    for (const status of [400, 401, 500]) {
      respond = ({ authorization }) => ({ status, body: `bad key: ${authorization}` });
      const message = await failure();
      expect(message).toMatch(/^judge-failed: .*bad key: Bearer \*\*\*/);
    }
    respond = ({ authorization }, count) => reply(count < 2 ? `the key is ${authorization}` : '0.5');
    requests = [];
    await judgeSamples({ ...one(), judge: judge({ apiKey: 'sk-very-secret' }) });
    const written = await readFile(path(), 'utf8');
    expect(written).toContain('the key is Bearer ***');
    expect(written).not.toContain('sk-very-secret');
  });

  it('is not followed to another host', async () => {
    let stolen = 0;
    const thief = createServer((_, response) => {
      stolen += 1;
      response.end(JSON.stringify({ choices: [{ message: { content: '1.0' } }] }));
    });
    await new Promise<void>((resolve) => thief.listen(0, '127.0.0.1', resolve));
    for (const status of [301, 302, 307, 308]) {
      respond = () => ({
        status,
        body: '',
        headers: { location: `http://localhost:${(thief.address() as AddressInfo).port}/steal` },
      });
      expect(await failure()).toMatch(/^judge-failed: .*another host/);
    }
    expect(stolen).toBe(0);
    await new Promise((resolve) => thief.close(resolve));
  });

  it('may answer neither without end nor for ever', async () => {
    respond = () => reply('x'.repeat(100_000));
    expect(await failure({ maximumBytes: 10_000 })).toMatch(/^judge-failed: .*more than 10000 bytes/);
    server.removeAllListeners('request');
    server.on('request', (_, response) => {
      response.writeHead(200);
      const more = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(more));
    });
    const begun = performance.now();
    expect(await failure({ timeoutSeconds: 0.3, attempts: 9 })).toMatch(/^judge-failed: .*in time/);
    server.removeAllListeners('request');
    server.on('request', () => {});
    expect(await failure({ timeoutSeconds: 0.3, attempts: 9 })).toMatch(/^judge-failed: .*in time/);
    expect(performance.now() - begun).toBeLessThan(5000);
    server.closeAllConnections();
  });

  it('cannot make it wait for a day', async () => {
    const waits: number[] = [];
    const timer = vi.spyOn(timers, 'setTimeout').mockImplementation(((milliseconds: number) => {
      waits.push(milliseconds);
      return Promise.resolve();
    }) as typeof timers.setTimeout);
    for (const after of ['1e9', '86400', new Date(Date.now() + 86_400_000).toUTCString(), '-5', 'NaN']) {
      respond = () => ({ status: 429, body: 'busy', headers: { 'retry-after': after } });
      expect(await failure()).toMatch(/answered 429/);
    }
    timer.mockRestore();
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
  });

  it.each([
    ['null', 'null'],
    ['a number', '7'],
    ['no choices', '{}'],
    ['choices of null', '{"choices":null}'],
    ['a choice of null', '{"choices":[null]}'],
    ['a message of null', '{"choices":[{"message":null}]}'],
    ['content that is no text', '{"choices":[{"message":{"content":{}}}]}'],
    ['levels without end', `{"choices":${'['.repeat(100_000)}`],
    ['control characters', '\u001b]0;title\u0007\u001b[2Jhello'],
  ])('gets a typed error for %s', async (_, body) => {
    respond = () => ({ status: 200, body });
    const message = await failure();
    expect(message).toMatch(/^judge-failed: .*sent no chat completion/);
    // eslint-disable-next-line no-control-regex
    expect(message).not.toMatch(/[\u0000-\u001f]/);
  });

  it('writes no password of its address, and stops when told', async () => {
    expect(() => openAiCompatibleJudge({ baseUrl: 'ftp://me:hidden@host/v1', model: 'm' })).toThrowError(
      expect.objectContaining({ message: expect.not.stringContaining('hidden') as string }),
    );
    const stop = AbortSignal.abort();
    await expect(judgeSamples({ ...one(), judge: judge(), signal: stop })).rejects.toThrowError(/abort/i);
  });

  it('leaves judgements that fit the task alone', async () => {
    const good: Judgement = {
      id: 'v1_0',
      scores: { judge_score: 0.5 },
      extracted: '0.5',
      by: 'judge-1',
      replies: ['0.5'],
    };
    await writeFile(path(), `${JSON.stringify(good)}\n`);
    expect(
      await readJudgedSamples({ samples: samples.slice(0, 1), path: path(), metrics: ['judge_score'] }),
    ).toMatchObject([{ judge_score: 0.5, metrics: ['judge_score'] }]);
    await expect(
      readJudgedSamples({ samples: samples.slice(0, 2), path: path(), metrics: ['judge_score'] }),
    ).rejects.toThrowError(/no judgement of the sample "v1_1"/);
    for (const bad of [
      { ...good, scores: null },
      { ...good, scores: { id: 1 } },
      { ...good, scores: { judge_score: 1, doc: 2 } },
      { ...good, scores: { judge_score: null } },
      { ...good, replies: 'x' },
      { ...good, by: 7 },
    ]) {
      await writeFile(path(), `${JSON.stringify(bad)}\n${JSON.stringify({ ...good, id: 'v1_1' })}\n`);
      await expect(judgeSamples({ ...one(), judge: judge() })).rejects.toMatchObject({ code: 'invalid-result-file' });
    }
  });
});

describe('MathVista', () => {
  const questions: ReasoningExample[] = [
    {
      id: '1',
      question: 'How many?',
      steps: [],
      answer: '14',
      metadata: { question_type: 'free_form', answer_type: 'integer' },
    },
    {
      id: '2',
      question: 'Which?',
      steps: [],
      answer: '8/11',
      metadata: { question_type: 'multi_choice', answer_type: 'text', choices: "['3/11', '8/11']", answer_option: 'B' },
    },
    {
      id: '3',
      question: 'Ratio?',
      steps: [],
      answer: '0.6',
      metadata: { question_type: 'free_form', answer_type: 'float' },
    },
    {
      id: '4',
      question: 'Years?',
      steps: [],
      answer: '[2007, 2008]',
      metadata: { question_type: 'free_form', answer_type: 'list' },
    },
  ];
  const judged = async (answers: string[]) => {
    const made = questions.map((question, index) => sample(question, index, answers[index] as string));
    return await judgeSamples({ task: mathvista, samples: made, examples: questions, judge: judge(), path: path() });
  };

  it('asks the judge only where rules do not suffice', async () => {
    const result = await judged(['14', 'The answer is (B).', '0.60', '[2007, 2008]']);
    expect(requests).toHaveLength(0);
    expect(result.byRules).toBe(4);
    expect(result.samples.map((one) => one.exact_match)).toEqual([1, 1, 1, 1]);
  });

  it('compares what the judge takes out', async () => {
    respond = ({ body }) => {
      const text = body.messages[0]?.content ?? '';
      return reply(
        text.includes('fourteen')
          ? 'Extracted answer: 14'
          : text.includes('ratio is')
            ? '0.7'
            : text.includes('peak of the years')
              ? '[2007, 2008]'
              : 'B',
      );
    };
    const result = await judged([
      'There are fourteen.',
      'Probably the second or so',
      'The ratio is seven tenths',
      'the peak of the years 2007 and 2008',
    ]);
    expect(result.byJudge).toBe(4);
    expect(result.samples.map((one) => one.exact_match)).toEqual([1, 1, 0, 1]);
    expect(result.samples.map((one) => one.judged_answer)).toEqual(['14', 'B', '0.7', '[2007, 2008]']);
  });
});
