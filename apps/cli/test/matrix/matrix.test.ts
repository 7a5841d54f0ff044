import { createModel, saveModel } from '@subtext/model';
import { useEngine } from '@subtext/tensor';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { pairwise } from './pairwise';
import { runAll } from './run-all';

let folder: string;

const llama = {
  model_type: 'llama',
  hidden_size: 16,
  intermediate_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 160,
};
const gpt2 = { model_type: 'gpt2', n_embd: 16, n_layer: 1, n_head: 2, n_positions: 160 };
const thinking = ['heima', 'heima fed back', 'coconut', 'sim-cot', 'codi', 'adaptive'];
const methods: Record<string, Record<string, unknown>> = {
  'no-cot': {},
  cot: {},
  icot: { tokensPerPhase: 4, maximumTokens: 4 },
  pause: { count: 2 },
  heima: { thinkingTokens: 2 },
  'heima fed back': { name: 'heima', thinkingTokens: 2, feedBack: true },
  coconut: { hiddenSteps: 1 },
  'sim-cot': { hiddenSteps: 1 },
  codi: { count: 2 },
  adaptive: { hiddenSteps: 1 },
};
const factors = {
  method: Object.keys(methods),
  model: ['new', 'tied', 'untied', 'gpt2', 'earlier run'],
  tuning: ['full', 'rows', 'modules', 'none'],
  interpreters: ['none', 'joint reasoner', 'joint folder', 'joint new', 'after reasoner', 'after folder'],
  interpreterTuning: ['full', 'rows', 'modules'],
  shared: [true, false],
  templates: ['brief', 'explanatory'],
  projector: ['linear', 'mlp'],
  reading: ['before', 'at'],
  parts: [false, true],
  reasoningFormat: ['tagged', 'lines'],
  visibility: ['all', 'answer', 'chain'],
  data: ['named', 'unnamed'],
  workers: [0, 1],
  shards: [1, 2],
  validation: [false, true],
  engine: ['wasm', 'cpu'],
};
type Row = { [Name in keyof typeof factors]: (typeof factors)[Name][number] };

/** What a configuration may say: the rest is refused by name before training, which other tests hold. */
function allowed(row: Record<string, unknown>): boolean {
  const {
    method,
    model,
    tuning,
    visibility,
    interpreters,
    interpreterTuning,
    shared,
    templates,
    projector,
    reading,
    parts,
    reasoningFormat,
  } = row as Row;
  // Roles are unknown, or the answer would see nothing; in words without line breaks, lines have no marks.
  if (visibility !== 'all' && (['icot', 'no-cot'].includes(method) || reasoningFormat === 'lines')) return false;
  if (interpreters !== 'none' && !thinking.includes(method)) return false;
  if (interpreters.startsWith('after') && method === 'sim-cot') return false;
  // Keys of interpreters count where there are some.
  if (
    interpreters === 'none' &&
    (interpreterTuning !== 'full' ||
      !shared ||
      templates !== 'brief' ||
      projector !== 'linear' ||
      reading !== 'before' ||
      parts)
  )
    return false;
  return !(model === 'new' && tuning === 'modules');
}

function configuration({ row, index }: { row: Row; index: number }): Record<string, unknown> {
  const {
    method,
    model,
    tuning,
    interpreters,
    interpreterTuning,
    shared,
    templates,
    projector,
    reading,
    parts,
    reasoningFormat,
    visibility,
    data,
    workers,
    shards,
    validation,
    engine,
  } = row;
  const [mode, from] = interpreters.split(' ');
  const adapter = (tokens: string) =>
    tokens === 'full' ? {} : { lora: { rank: 2, alpha: 4, dropout: tokens === 'rows' ? 0.1 : 0, tokens } };
  return {
    output: join(folder, `run-${index}`),
    engine,
    workers,
    seed: index,
    reasoningFormat,
    visibility,
    data: {
      format: data === 'named' ? 'llava-cot' : 'coconut-json',
      train: join(folder, data === 'named' ? 'named.jsonl' : 'unnamed.json'),
      images: false,
      overlap: 'report',
      ...(validation && { validation: join(folder, data === 'named' ? 'named-held.jsonl' : 'unnamed-held.json') }),
    },
    model: {
      ...(model === 'new'
        ? { new: llama }
        : { from: join(folder, model === 'earlier run' ? 'earlier/reasoner' : model) }),
      ...adapter(tuning),
    },
    method: {
      name: method,
      ...methods[method],
      ...(method.startsWith('heima') && visibility !== 'all' && { fromWords: 0.5, toWords: 0.5, predictWords: 1 }),
    },
    training: {
      batchSize: 2,
      shards,
      warmupSteps: 0,
      text: { steps: 1 },
      encode: { steps: 1 },
      recover: { steps: 1 },
      validation: { examples: 2, steps: 1 },
      ...(validation && { finalWeights: 'best' }),
    },
    ...(mode !== 'none' && {
      interpreters: {
        mode,
        shared,
        templates,
        projector,
        reading,
        parts,
        model: {
          ...(from === 'new' ? { new: llama } : { from: from === 'folder' ? join(folder, 'other') : 'reasoner' }),
          ...adapter(interpreterTuning),
        },
        ...(mode === 'after' && { schedule: { steps: 2 } }),
      },
    }),
  };
}

const words = [
  'what is two plus three ? 5 7 two and three make five',
  'what is four plus three ? four and three make seven',
];
const named = (id: number) => ({
  id: `n${id}`,
  conversations: [
    { from: 'human', value: `what is ${id % 2 ? 'two' : 'four'} plus three ?` },
    {
      from: 'gpt',
      value: `<SUMMARY>two plus three</SUMMARY><CAPTION>two and three</CAPTION><REASONING>two and three make five</REASONING><CONCLUSION>${id % 2 ? 5 : 7}</CONCLUSION>`,
    },
  ],
});
const unnamed = (id: number) => ({
  question: `what is ${id % 2 ? 'two' : 'four'} plus three ?`,
  steps: ['two and three', 'make five'].slice(0, 1 + (id % 2)),
  answer: id % 2 ? '5' : '7',
});

async function writeModel({
  name,
  config,
  seed,
  text,
}: {
  name: string;
  config: Record<string, unknown>;
  seed: number;
  text: readonly string[];
}): Promise<void> {
  const tokenizer = trainWordLevelTokenizer({ texts: text, split: 'whitespace' });
  const model = createModel({
    config: {
      ...config,
      vocab_size: tokenizer.vocabularySize,
      bos_token_id: tokenizer.beginId,
      eos_token_id: tokenizer.endId,
    },
    seed,
  });
  await saveModel({ model, folder: join(folder, name) });
  await tokenizer.save({ folder: join(folder, name) });
  model.dispose();
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-matrix-'));
  await useEngine({ engine: 'wasm' });
  const ids = [0, 1, 2, 3];
  for (const [name, from] of [
    ['named', 0],
    ['named-held', 4],
  ] as const)
    await writeFile(join(folder, `${name}.jsonl`), ids.map((id) => JSON.stringify(named(id + from))).join('\n'));
  for (const [name, from] of [
    ['unnamed', 0],
    ['unnamed-held', 4],
  ] as const)
    await writeFile(join(folder, `${name}.json`), JSON.stringify(ids.map((id) => unnamed(id + from))));
  await writeModel({ name: 'tied', config: { ...llama, tie_word_embeddings: true }, seed: 1, text: words });
  await writeModel({ name: 'untied', config: { ...llama, tie_word_embeddings: false }, seed: 2, text: words });
  await writeModel({ name: 'gpt2', config: gpt2, seed: 3, text: words });
  // Another width, and a vocabulary of its own.
  await writeModel({
    name: 'other',
    config: { ...llama, hidden_size: 24, tie_word_embeddings: true },
    seed: 4,
    text: [...words].reverse().map((text) => `the ${text}`),
  });
}, 60_000);
afterAll(async () => rm(folder, { recursive: true, force: true }));

it('every pair of keys trains two steps, thinks, explains, and is loaded again', async () => {
  const rows = pairwise({ factors, seed: 7, allowed }) as Row[];
  const earlier = join(folder, 'earlier.json');
  await writeFile(
    earlier,
    JSON.stringify({
      ...configuration({
        row: {
          ...rows[0]!,
          model: 'new',
          tuning: 'full',
          interpreters: 'none',
          method: 'cot',
          validation: false,
          engine: 'wasm',
        },
        index: 999,
      }),
      output: join(folder, 'earlier'),
    }),
  );
  expect((await runAll({ folder, jobs: [['train', earlier, '--json']] })).outcomes).toMatchObject([{ code: 0 }]);
  const files: string[] = [];
  for (const [index, row] of rows.entries()) {
    files.push(join(folder, `${index}.json`));
    await writeFile(files[index]!, JSON.stringify(configuration({ row, index })));
  }
  const describeRow = (index: number) => JSON.stringify(rows[index]);
  const { outcomes: trained } = await runAll({ folder, jobs: files.map((file) => ['train', file, '--json']) });
  const failed = trained.filter(({ code, thrown }) => code !== 0 || thrown !== undefined);
  expect(
    failed.map(
      ({ index, errors, thrown, output }) => `${describeRow(index)}: ${thrown ?? errors} ${output.slice(-200)}`,
    ),
  ).toEqual([]);
  const { outcomes: asked } = await runAll({
    folder,
    jobs: rows.map(({ interpreters, method, engine }, index) => [
      'think',
      'what is two plus three ?',
      '--model',
      join(folder, `run-${index}`, 'reasoner'),
      '--engine',
      engine,
      '--json',
      ...(interpreters === 'none' && method !== 'sim-cot' ? [] : ['--explain']),
    ]),
  });
  expect(
    asked
      .filter(({ code, thrown }) => code !== 0 || thrown !== undefined)
      .map(({ index, errors, thrown }) => `${describeRow(index)}: ${thrown ?? errors}`),
  ).toEqual([]);
  for (const [index, { tuning, interpreters, interpreterTuning }] of rows.entries()) {
    const reasoner = join(folder, `run-${index}`, 'reasoner');
    const present = await readdir(reasoner);
    expect(present, describeRow(index)).toEqual(
      expect.arrayContaining(['config.json', 'model.safetensors', 'tokenizer.json', 'subtext.json']),
    );
    expect(present.includes('adapter')).toBe(tuning !== 'full');
    if (interpreters.endsWith('folder')) {
      // It is saved with its own tokenizer, not with the reasoner's.
      const [first] = await readdir(join(reasoner, 'interpreters'));
      const own = join(reasoner, 'interpreters', first!);
      expect(await readFile(join(own, 'tokenizer.json'), 'utf8')).toMatch(/"the"/);
      expect(existsSync(join(own, 'adapter')), describeRow(index)).toBe(interpreterTuning !== 'full');
    }
  }
  // 35 s on two quiet cores.
}, 240_000);
