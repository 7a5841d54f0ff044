import { createMethod, methodSpecification } from '@subtext/reasoner';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { graphConfiguration } from '../../src/configuration/graph-schema';
import { trainConfiguration } from '../../src/configuration/schema';
import { reinforcementOptions } from '../../src/pipeline/reinforcement';
import { observeReads } from './observe-reads.mjs';
import { runAll } from './run-all';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-keys-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

type Node = z.core.JSONSchema.BaseSchema;

/** The keys of a schema that have values: without blocks, and without keys that a configuration may choose. */
function leavesOf(node: Node, place = ''): string[] {
  const alternatives = [...(node.anyOf ?? []), ...(node.oneOf ?? []), ...(node.allOf ?? [])] as Node[];
  const inside = [
    ...Object.entries(node.properties ?? {}).flatMap(([key, value]) =>
      leavesOf(value as Node, place === '' ? key : `${place}.${key}`),
    ),
    ...alternatives.flatMap((one) => leavesOf(one, place).filter((leaf) => leaf !== place)),
    ...(typeof node.items === 'object' && !Array.isArray(node.items)
      ? leavesOf(node.items as Node, place).filter((leaf) => leaf !== place)
      : []),
    ...(place === 'training.phases' && typeof node.additionalProperties === 'object'
      ? leavesOf(node.additionalProperties as Node, `${place}.*`)
      : []),
  ];
  return inside.length > 0 ? [...new Set(inside)] : [place];
}
const leaves = (schema: z.ZodType) => leavesOf(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));

const text = {
  model_type: 'llama',
  hidden_size: 16,
  intermediate_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  max_position_embeddings: 192,
  tie_word_embeddings: true,
};
const llava = {
  model_type: 'llava',
  vision_feature_layer: -1,
  vision_feature_select_strategy: 'default',
  projector_hidden_act: 'gelu',
  vision_config: {
    model_type: 'clip_vision_model',
    hidden_size: 16,
    intermediate_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    image_size: 16,
    patch_size: 8,
  },
  text_config: text,
};
const quick = { batchSize: 2, shards: 1, text: { steps: 1 }, encode: { steps: 1 }, recover: { steps: 1 } };

it('every key of a configuration is read by what is configured', async () => {
  const logger = join(folder, 'logger.mjs');
  await writeFile(logger, 'export const createLogger = () => ({ start() {}, log() {}, finish() {} });\n');
  const first = {
    engine: 'wasm',
    workers: 0,
    data: { format: 'scenes', train: 'data/train.jsonl', validation: 'data/validation.jsonl', overlap: 'report' },
    method: { name: 'heima' },
    training: quick,
  };
  const configurations = {
    picture: {
      ...first,
      output: 'picture',
      model: {
        new: llava,
        initialisation: [{ pattern: 'q_proj', deviation: 0.1 }],
        vocabulary: ['data/validation.jsonl'],
        frozen: ['norm'],
      },
      interpreters: { model: { new: text } },
      drawer: { stage: 'caption', examples: 2, steps: 1 },
      logs: { modules: [{ path: logger, options: { told: 1 } }] },
      training: { ...quick, phases: { 'chain of thought': { steps: 1 } } },
    },
    adapter: {
      ...first,
      output: 'adapter',
      data: { ...first.data, images: false },
      model: { from: 'picture/reasoner', lora: { rank: 2, targets: ['q_proj'] } },
      interpreters: {
        mode: 'after',
        model: { from: 'reasoner', lora: { rank: 2, targets: 'all-linear' } },
        schedule: { epochs: 0.2 },
      },
    },
    // Its Python is not there: the run goes on without that log.
    wandb: {
      ...first,
      output: 'wandb',
      data: { ...first.data, images: false },
      model: { new: text },
      method: { name: 'cot' },
      logs: { wandb: { python: join(folder, 'nowhere') } },
    },
  };
  const graphs = {
    kind: 'graphs',
    engine: 'wasm',
    workers: 0,
    output: 'graphs',
    data: { count: 10, validation: 'few/validation.json' },
    model: { width: 16, heads: 2 },
    method: { count: 2 },
    training: { graphs: 2, queries: 2, shards: 1, hop: { steps: 1 }, answer: { steps: 1 } },
  };
  const files = Object.entries({ ...configurations, graphs }).map(([name, configuration]) => ({
    name: join(folder, `${name}.json`),
    configuration,
  }));
  for (const { name, configuration } of files) await writeFile(name, JSON.stringify(configuration));
  expect(
    (
      await runAll({
        folder,
        jobs: [
          ['data', 'generate', 'scenes', 'data', '--train', '8', '--validation', '4', '--json'],
          ['data', 'generate', 'prosqa', 'few', '--train', '4', '--validation', '2', '--json'],
        ],
      })
    ).outcomes,
  ).toMatchObject([{ code: 0 }, { code: 0 }]);
  const train = (name: string) => ['train', join(folder, `${name}.json`), '--json'];
  // Read where several processes train together (`ranks.test.ts`), and where rewards are what is learned from (below).
  const alone = (leaf: string) => !/^(ranks|reinforcement)\./.test(leaf);
  const known = leaves(trainConfiguration).filter(alone);
  const pictures = await runAll({ folder, leaves: known, jobs: [train('picture')] });
  expect(pictures.outcomes).toMatchObject([{ code: 0, errors: '' }]);
  const texts = await runAll({ folder, leaves: known, jobs: [train('adapter'), train('wandb')] });
  expect(texts.outcomes).toMatchObject([{ code: 0, errors: '' }, { code: 0 }]);
  const read = new Set([...pictures.reads, ...texts.reads]);
  const copied = new Set([...pictures.copies, ...texts.copies]);
  // addLora takes the block of an adapter whole; a method's keys are below.
  const handedOn = /^((interpreters\.)?model\.lora)\./;
  const dead = known.filter(
    (leaf) => !leaf.startsWith('method.') && !read.has(leaf) && !(handedOn.test(leaf) && copied.has(leaf)),
  );
  expect(dead).toEqual([]);

  // The inside of `logs` is read by the code that reads it above.
  const graphKeys = leaves(graphConfiguration).filter((leaf) => alone(leaf) && !/^logs\.(wandb|modules)\./.test(leaf));
  const graph = await runAll({ folder, leaves: graphKeys, jobs: [train('graphs')] });
  expect(graph.outcomes).toMatchObject([{ code: 0, errors: '' }]);
  // The model's block is the program's options.
  expect(
    graphKeys.filter(
      (leaf) =>
        !graph.reads.includes(leaf) && !(/^(model|training\.(hop|answer))\./.test(leaf) && graph.copies.includes(leaf)),
    ),
  ).toEqual(['kind']);
}, 120_000);

describe('a method', () => {
  const examples = {
    'heima 1': { name: 'heima' },
    'heima 2': { name: 'heima', thinkingTokens: { ratio: 0.5 } },
    'heima 3': { name: 'heima', thinkingTokens: { stages: { a: 1 } } },
  };
  const { method } = trainConfiguration.shape;
  const given = [...method.options.map(({ shape }) => ({ name: shape.name.value })), ...Object.values(examples)];

  it('reads each of its keys', () => {
    const known = leaves(method).map((leaf) => leaf);
    const read = new Set<string>();
    for (const one of given) {
      const parsed = method.parse(one);
      const whole = observeReads(known);
      const specification = methodSpecification(whole.observe(parsed));
      const own = observeReads(known);
      createMethod(own.observe(specification)).curriculum({ stages: ['a', 'b'] });
      for (const key of [...own.reads, ...own.copies, ...[...whole.reads].filter((place) => place.includes('.'))])
        read.add(key);
    }
    expect(known.filter((leaf) => !read.has(leaf))).toEqual([]);
  });
});

it('training by rewards reads each of its keys', () => {
  const block = trainConfiguration.shape.reinforcement.unwrap();
  const known = leaves(block);
  const { observe, reads } = observeReads(known);
  for (const thoughts of [{ tokens: 2 }, { deviation: 0.1 }])
    reinforcementOptions(observe(block.parse({ steps: 1, rewards: [{ name: 'format' }], thoughts })));
  expect(known.filter((leaf) => !reads.has(leaf))).toEqual([]);
});

it('sees a key that nobody reads, through copies and writing', () => {
  const { observe, reads, copies } = observeReads(['a.b', 'a.c', 'd', 'list.e']);
  const value = observe({ a: { b: 1, c: 2 }, d: 3, list: [{ e: 1 }] });
  JSON.stringify(value);
  expect([...reads, ...copies]).toEqual([]);
  const copy = { ...value };
  expect(copy.a.b + copy.list.map(({ e }) => e)[0]!).toBe(2);
  expect([...reads].sort()).toEqual(['a.b', 'list.e']);
  expect([...copies].sort()).toEqual(['a', 'd', 'list']);
});
