import { encodePng } from '@subtext/data';
import { createModel, saveModel } from '@subtext/model';
import { useEngine } from '@subtext/tensor';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const command = fileURLToPath(new URL('../bin/subtext-eval.js', import.meta.url));

let folder: string;
let server: Server;
let asked: { authorization?: string; content: string }[];
/** How many of the next requests the endpoint fails. */
let failing: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-judge-'));
  await useEngine({ engine: 'wasm' });
  const tokenizer = trainWordLevelTokenizer({
    texts: ['Question: what is x ? Answer: 1 2 3'],
    specialTokens: ['<image>'],
  });
  const model = createModel({
    config: {
      model_type: 'llava',
      image_token_index: tokenizer.idOf('<image>'),
      vision_feature_layer: -1,
      vision_feature_select_strategy: 'default',
      vision_config: {
        model_type: 'clip_vision_model',
        hidden_size: 8,
        intermediate_size: 16,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        image_size: 8,
        patch_size: 4,
      },
      text_config: {
        model_type: 'llama',
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        max_position_embeddings: 64,
        initializer_range: 0.5,
        vocab_size: tokenizer.vocabularySize,
      },
    },
    seed: 1,
  });
  await saveModel({ model, folder: join(folder, 'model') });
  model.dispose();
  await tokenizer.save({ folder: join(folder, 'model') });
  await writeFile(
    join(folder, 'model', 'preprocessor_config.json'),
    JSON.stringify({
      image_processor_type: 'CLIPImageProcessor',
      size: { height: 8, width: 8 },
      do_center_crop: false,
    }),
  );
  const picture = Buffer.from(
    await encodePng({ data: new Uint8Array(8 * 8 * 3).fill(90), width: 8, height: 8 }),
  ).toString('base64');
  const rows = [1, 2, 3].map((index) =>
    [index, picture, `what is x${index} ?`, '1<AND>2', index === 1 ? 'ocr' : 'rec,math'].join('\t'),
  );
  await writeFile(join(folder, 'MMVet.tsv'), ['index\timage\tquestion\tanswer\tcategory', ...rows, ''].join('\n'));
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const { messages } = JSON.parse(text) as { messages: { content: string }[] };
      asked.push({ authorization: request.headers.authorization, content: messages[0]!.content });
      if (asked.length > 1 && failing-- > 0) response.writeHead(401).end('no');
      else
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ choices: [{ message: { content: '0.5' } }] }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}, 120_000);
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

function run(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const environment = { ...process.env, SUBTEXT_JUDGE_KEY: 'secret' };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [
        command,
        'run',
        '--model',
        join(folder, 'model'),
        '--task',
        'mm-vet',
        '--data',
        join(folder, 'MMVet.tsv'),
        '--engine',
        'wasm',
        '--max-tokens',
        '4',
        '--output',
        join(folder, 'results'),
        '--json',
        ...words,
      ],
      { env: environment },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

it('scores MM-Vet of a Hugging Face folder with a judge of one’s own; nothing judged is lost where it fails', async () => {
  asked = [];
  failing = 1;
  const refused = await run();
  expect(refused.code).toBe(1);
  expect(refused.stdout).toMatch(/^\{"event":"error","code":"judge-missing".*OpenAI-compatible endpoint/);
  const judge = [
    '--judge-url',
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    '--judge-model',
    'own',
  ];
  const broken = await run(...judge);
  expect(broken.code).toBe(1);
  expect(broken.stdout).toMatch(/refused with 401.*resume/s);
  const before = asked.length;
  const whole = await run(...judge);
  expect(whole.stderr).toBe('');
  expect(whole.code).toBe(0);
  expect(asked.length).toBeGreaterThan(before);
  // What was judged before the endpoint failed is not asked again.
  const judged = asked
    .filter(({ content }) => content.includes('Reference: 1 <AND> 2'))
    .map(({ content }) => /what is x\d/.exec(content)![0]);
  expect(judged.filter((question) => question === judged[0])).toHaveLength(1);
  expect(asked.every(({ authorization }) => authorization === 'Bearer secret')).toBe(true);
  const results = JSON.parse(
    await readFile(
      join(
        folder,
        'results',
        (await readdir(join(folder, 'results'))).find((name) => name.startsWith('results_'))!,
      ),
      'utf8',
    ),
  ) as { results: Record<string, Record<string, number>> };
  expect(results.results['mm-vet']).toMatchObject({ 'judge_score,none': 0.5 });
  // A judged run is compared by its judgements.
  expect((await run(...judge, '--max-tokens', '3', '--output', join(folder, 'other'))).code).toBe(0);
  const compared = await new Promise<{ code: number; stdout: string }>((resolve) => {
    execFile(
      process.execPath,
      [command, 'compare', join(folder, 'results'), join(folder, 'other'), '--json'],
      (error, stdout) => resolve({ code: error ? Number(error.code) : 0, stdout }),
    );
  });
  expect(compared.code).toBe(0);
  expect(JSON.parse(compared.stdout.trim().split('\n')[0]!)).toMatchObject({
    event: 'comparison',
    task: 'mm-vet',
    metric: 'judge_score',
    comparisons: [{ count: 3, pValue: 1 }],
  });
}, 120_000);
