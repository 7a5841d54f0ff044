import { toFloat32, writeSafetensors, writeShardedSafetensors } from '@subtext/safetensors';
import { describeEngines, Parameters, tf, useEngine } from '@subtext/tensor';
import { truncateSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { LinearLayer } from '../blocks/linear-layer';
import { initialiseWeights } from './initialise-weights';
import { loadWeights } from './load-weights';
import { ModelStructure } from './parameter-scope';
import { activationName, commonConfigKeys, neutral, parseConfig, positiveInteger, readConfig } from './read-config';
import { readRotaryConfig, rotaryConfigKeys } from './rotary-config';

beforeAll(async () => {
  await useEngine({ engine: 'cpu' });
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-weights-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('parseConfig', () => {
  const schema = z.object({
    ...commonConfigKeys,
    width: positiveInteger,
    activation: activationName.prefault('gelu_new'),
    norm: neutral('pre', 'before'),
  });
  const parse = (config: Record<string, unknown>) =>
    parseConfig({ schema, config, path: 'model/config.json', at: 'text_config' });

  it('gives values and defaults, and passes by what changes nothing', () => {
    expect(parse({ width: 4, use_cache: true, norm: 'pre', unset: null })).toMatchObject({
      width: 4,
      activation: 'gelu-tanh',
    });
    expect(parse({ width: 4, activation: 'silu', norm: null })).toMatchObject({ activation: 'silu' });
  });

  it('reports all faults at once, by name and place', () => {
    expect(() => parse({ width: 0, activation: 'mish', norm: 'post', num_experts: [1] })).toThrow(
      /^model\/config\.json: .*text_config\.width.*text_config\.activation: the activation "mish".*text_config\.norm: "post" is not supported; only "pre" or "before" is.*text_config\.num_experts: \[1\] is not a setting/s,
    );
  });

  it('reads rotary settings in both spellings', () => {
    const rotary = z.object(rotaryConfigKeys);
    const read = (config: Record<string, unknown>) =>
      readRotaryConfig({
        config: parseConfig({ schema: rotary, config: { max_position_embeddings: 64, ...config }, path: 'p' }),
        path: 'p',
      });
    expect(read({})).toEqual({ theta: 10_000, scaling: { type: 'default' }, share: 1, maxPositions: 64 });
    const linear = { theta: 500, scaling: { type: 'linear', factor: 2 }, share: 1, maxPositions: 128 };
    expect(read({ rope_theta: 500, rope_scaling: { type: 'linear', factor: 2 } })).toEqual(linear);
    expect(read({ rope_parameters: { rope_type: 'linear', factor: 2, rope_theta: 500 } })).toEqual(linear);
    expect(() => read({ rope_scaling: { rope_type: 'llama3', factor: 2 } })).toThrow(/needs "low_freq_factor"/);
    expect(() => read({ rope_scaling: { rope_type: 'su', factor: 2 } })).toThrow(/"su" is not supported/);
    expect(() => read({ rope_scaling: { rope_type: 'linear', factor: 2, mystery: 1 } })).toThrow(/mystery/);
    expect(() => read({ partial_rotary_factor: 0.5 })).toThrow(/partial_rotary_factor 0.5 is not supported/);
    const long = { rope_type: 'longrope', short_factor: [1, 2], long_factor: [3, 4] };
    // √(1 + ln(64 / 16) / ln 16)
    expect(read({ rope_scaling: long, original_max_position_embeddings: 16 }).scaling).toEqual({
      type: 'longrope',
      shortFactors: [1, 2],
      longFactors: [3, 4],
      originalPositions: 16,
      attentionFactor: Math.sqrt(1.5),
    });
  });
});

/** Every engine that is here on a processor: each brings weights into its memory in a way of its own. */
const engines = (await describeEngines())
  .filter(({ name, device }) => ['cpu', 'wasm', 'native', 'tensorflow'].includes(name) && device?.kind === 'cpu')
  .map(({ name }) => name);

describe.each(engines)('reading tensors on %s', (engine) => {
  beforeAll(async () => {
    await useEngine({ engine });
  });
  afterAll(async () => {
    await useEngine({ engine: 'cpu' });
  });

  const declare = (shapes: Record<string, number[]>) => {
    const structure = new ModelStructure({ parameters: new Parameters() });
    for (const [name, shape] of Object.entries(shapes))
      structure.scope().declare({ name, shape, initialisation: { kind: 'zeros' } });
    return structure;
  };
  const bytesOf = (structure: ModelStructure, name: string) =>
    Buffer.from(structure.parameters.get(name).dataSync().slice().buffer);

  it('gives every number, over several pieces, from every dtype and from shards', async () => {
    const length = 2 ** 22 + 2 ** 19 + 3;
    const values = new Float32Array(length);
    for (let index = 0; index < length; index++) values[index] = (index % 251) - 125;
    // Little-endian: the upper halves.
    const halves = new Uint16Array(values.buffer).filter((_, index) => index % 2 === 1);
    const tensors = {
      whole: { dtype: 'F32', shape: [length], data: values },
      half: { dtype: 'BF16', shape: [length], data: halves },
      one: { dtype: 'F16', shape: [1, 1], data: Uint16Array.of(0x3c00) },
      double: { dtype: 'F64', shape: [2], data: Float64Array.of(0.5, -3) },
      none: { dtype: 'F32', shape: [0, 2], data: new Float32Array(0) },
    } as const;
    await writeShardedSafetensors({ folder, tensors, maximumShardBytes: 4 * length });
    const before = tf.memory().numTensors;
    const structure = declare({ half: [length], none: [0, 2], one: [1, 1], double: [2], whole: [length] });
    await loadWeights({ structure, folder });
    for (const name of ['whole', 'half'])
      expect(bytesOf(structure, name).equals(Buffer.from(values.buffer)), name).toBe(true);
    expect([...structure.parameters.get('one').dataSync()]).toEqual([1]);
    expect([...structure.parameters.get('double').dataSync()]).toEqual([0.5, -3]);
    expect(structure.parameters.get('none').shape).toEqual([0, 2]);
    structure.parameters.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each(['BF16', 'F16'] as const)(
    'widens every %s there is, bit for bit: subnormal, infinite, not a number',
    async (dtype) => {
      const data = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
      await writeSafetensors({
        path: join(folder, 'model.safetensors'),
        tensors: { a: { dtype, shape: [256, 256], data }, b: { dtype, shape: [3], data: data.slice(0x7c00, 0x7c03) } },
      });
      const structure = declare({ a: [256, 256], b: [3] });
      await loadWeights({ structure, folder });
      expect(bytesOf(structure, 'a').equals(Buffer.from(toFloat32({ dtype, data }).buffer))).toBe(true);
      expect(
        bytesOf(structure, 'b').equals(Buffer.from(toFloat32({ dtype, data: data.slice(0x7c00, 0x7c03) }).buffer)),
      ).toBe(true);
      structure.parameters.dispose();
    },
  );

  it.each(['F32', 'BF16'] as const)(
    'says that a file was cut short while it was read, and leaves nothing behind (%s)',
    async (dtype) => {
      const path = join(folder, 'model.safetensors');
      const [large, small] = [2 ** 20, 2 ** 17];
      await writeSafetensors({
        path,
        tensors: {
          first: { dtype, shape: [large], data: new Float32Array(large) },
          second: { dtype, shape: [small], data: new Float32Array(small) },
        },
      });
      const before = tf.memory().numTensors;
      const structure = declare({ first: [large], second: [small] });
      const { size } = await stat(path);
      // The largest tensor comes first; then the file loses its last byte, which is the other's.
      const loading = loadWeights({ structure, folder, onProgress: () => truncateSync(path, size - 1) });
      await expect(loading).rejects.toMatchObject({
        name: 'SafetensorsError',
        code: 'truncated',
        message: expect.stringContaining('cut short while it was open'),
      });
      expect(structure.parameters.names()).toEqual([]);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it('refuses a file that is shorter or longer than its header says', async () => {
    const path = join(folder, 'model.safetensors');
    await writeSafetensors({ path, tensors: { a: { dtype: 'F32', shape: [4], data: new Float32Array(4) } } });
    const whole = await readFile(path);
    await truncate(path, whole.length - 4);
    await expect(loadWeights({ structure: declare({ a: [4] }), folder })).rejects.toMatchObject({
      name: 'SafetensorsError',
      message: expect.stringContaining('model.safetensors'),
    });
    await writeFile(path, whole);
    await appendFile(path, Buffer.alloc(4));
    await expect(loadWeights({ structure: declare({ a: [4] }), folder })).rejects.toMatchObject({
      name: 'SafetensorsError',
      message: expect.stringContaining('model.safetensors'),
    });
  });
});

describe('weights', () => {
  const structures: ModelStructure[] = [];
  const structure = () => {
    const made = new ModelStructure({ parameters: new Parameters() });
    new LinearLayer({ scope: made.scope('a'), inputWidth: 2, outputWidth: 3 });
    structures.push(made);
    return made;
  };
  afterEach(() => {
    for (const made of structures.splice(0)) made.parameters.dispose();
  });
  const write = (tensors: Record<string, number[]>) =>
    writeSafetensors({
      path: join(folder, 'model.safetensors'),
      tensors: Object.fromEntries(
        Object.entries(tensors).map(([name, shape]) => [
          name,
          {
            dtype: 'F32' as const,
            shape,
            data: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(7),
          },
        ]),
      ),
    });

  it('fill a structure, renamed, leaving out what is known to change nothing', async () => {
    await write({ 'old.weight': [3, 2], 'old.bias': [3], 'rotary.inv_freq': [4], 'copy.weight': [3, 2] });
    const made = structure();
    const seen: number[] = [];
    await loadWeights({
      structure: made,
      folder,
      rename: (name) => name.replace('old', 'a'),
      ignore: [/inv_freq$/],
      duplicates: new Map([['copy.weight', 'a.weight']]),
      trainable: false,
      onProgress: ({ loaded }) => seen.push(loaded),
    });
    expect([...made.parameters.get('a.weight').dataSync()]).toEqual([7, 7, 7, 7, 7, 7]);
    expect(made.parameters.get('a.bias').trainable).toBe(false);
    expect(seen).toEqual([1, 2]);
  });

  it('are refused by name, before anything is loaded', async () => {
    const before = tf.memory().numTensors;
    await write({ 'a.weight': [3, 2] });
    await expect(loadWeights({ structure: structure(), folder })).rejects.toMatchObject({
      code: 'missing-tensor',
      message: expect.stringContaining('a.bias'),
    });
    await write({ 'a.weight': [3, 2], 'a.bias': [3], 'b.weight': [1] });
    await expect(loadWeights({ structure: structure(), folder })).rejects.toMatchObject({
      code: 'unexpected-tensor',
      message: expect.stringContaining('b.weight'),
    });
    await write({ 'a.weight': [2, 3], 'a.bias': [3] });
    await expect(loadWeights({ structure: structure(), folder })).rejects.toMatchObject({
      code: 'shape-mismatch',
      message: expect.stringContaining('a.weight is [2, 3] where config.json asks for [3, 2]'),
    });
    await rm(join(folder, 'model.safetensors'));
    await expect(loadWeights({ structure: structure(), folder })).rejects.toMatchObject({ code: 'not-found' });
    await writeFile(join(folder, 'model.safetensors'), 'not a tensor file');
    await expect(loadWeights({ structure: structure(), folder })).rejects.toThrow(/model\.safetensors/);
    await expect(readConfig({ folder })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('config.json'),
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('are drawn by name: another layer beside them changes nothing', () => {
    const [alone, beside, other] = [structure(), structure(), structure()];
    new LinearLayer({ scope: beside.scope('b'), inputWidth: 2, outputWidth: 3 });
    initialiseWeights({ structure: alone, seed: 1 });
    initialiseWeights({ structure: beside, seed: 1 });
    initialiseWeights({ structure: other, seed: 2 });
    const values = (made: ModelStructure, name = 'a.weight') => [...made.parameters.get(name).dataSync()];
    expect(values(beside)).toEqual(values(alone));
    expect(values(beside, 'b.weight')).not.toEqual(values(alone));
    expect(values(other)).not.toEqual(values(alone));
  });
});
