import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSafetensors } from '@subtext/safetensors';
import { Parameters, tf, useEngine } from '@subtext/tensor';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { activationName, commonConfigKeys, initialiseWeights, LinearLayer, loadWeights, ModelStructure, neutral, parseConfig, positiveInteger, readConfig, readRotaryConfig, rotaryConfigKeys } from '../index';

beforeAll(async () => {
  await useEngine('cpu');
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-weights-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('parseConfig', () => {
  const schema = z.object({ ...commonConfigKeys, width: positiveInteger, activation: activationName.prefault('gelu_new'), norm: neutral('pre', 'before') });
  const parse = (config: Record<string, unknown>) => parseConfig({ schema, config, path: 'model/config.json', at: 'text_config' });

  it('gives values and defaults, and passes by what changes nothing', () => {
    expect(parse({ width: 4, use_cache: true, norm: 'pre', unset: null })).toMatchObject({ width: 4, activation: 'gelu-tanh' });
    expect(parse({ width: 4, activation: 'silu', norm: null })).toMatchObject({ activation: 'silu' });
  });

  it('reports all faults at once, by name and place', () => {
    expect(() => parse({ width: 0, activation: 'mish', norm: 'post', made_up: [1] })).toThrow(
      /^model\/config\.json: .*text_config\.width.*text_config\.activation: the activation "mish".*text_config\.norm: "post" is not supported; only "pre" or "before" is.*text_config\.made_up: \[1\] is not a setting/s,
    );
  });

  it('reads rotary settings in both spellings', () => {
    const rotary = z.object(rotaryConfigKeys);
    const read = (config: Record<string, unknown>) => readRotaryConfig({ config: parseConfig({ schema: rotary, config: { max_position_embeddings: 64, ...config }, path: 'p' }), path: 'p' });
    expect(read({})).toEqual({ theta: 10_000, scaling: { type: 'default' }, maxPositions: 64 });
    const linear = { theta: 500, scaling: { type: 'linear', factor: 2 }, maxPositions: 128 };
    expect(read({ rope_theta: 500, rope_scaling: { type: 'linear', factor: 2 } })).toEqual(linear);
    expect(read({ rope_parameters: { rope_type: 'linear', factor: 2, rope_theta: 500 } })).toEqual(linear);
    expect(() => read({ rope_scaling: { rope_type: 'llama3', factor: 2 } })).toThrow(/needs "low_freq_factor"/);
    expect(() => read({ rope_scaling: { rope_type: 'su', factor: 2 } })).toThrow(/"su" is not supported/);
    expect(() => read({ rope_scaling: { rope_type: 'linear', factor: 2, mystery: 1 } })).toThrow(/mystery/);
  });
});

describe('reading tensors', () => {
  it.each(['cpu', 'wasm'] as const)('gives every number, over several pieces and from every dtype (%s)', async (engine) => {
    await useEngine(engine);
    const length = 2 ** 20 + 2 ** 19 + 3;
    const values = Float32Array.from({ length }, (_, index) => (index % 251) - 125);
    const halves = Uint16Array.from(values, (value) => new Uint32Array(new Float32Array([value]).buffer)[0]! >>> 16);
    await writeSafetensors({
      path: join(folder, 'model.safetensors'),
      tensors: { whole: { dtype: 'F32', shape: [length], data: values }, half: { dtype: 'BF16', shape: [length], data: halves }, one: { dtype: 'F16', shape: [1, 1], data: Uint16Array.of(0x3c00) }, none: { dtype: 'F32', shape: [0, 2], data: new Float32Array(0) } },
    });
    const before = tf.memory().numTensors;
    const structure = new ModelStructure({ parameters: new Parameters() });
    for (const [name, shape] of Object.entries({ half: [length], none: [0, 2], one: [1, 1], whole: [length] })) structure.scope().declare({ name, shape, initialisation: { kind: 'zeros' } });
    await loadWeights({ structure, folder });
    for (const name of ['whole', 'half']) expect(Buffer.from(structure.parameters.get(name).dataSync().buffer).equals(Buffer.from(values.buffer)), name).toBe(true);
    expect([...structure.parameters.get('one').dataSync()]).toEqual([1]);
    structure.parameters.dispose();
    expect(tf.memory().numTensors).toBe(before);
    await useEngine('cpu');
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
      tensors: Object.fromEntries(Object.entries(tensors).map(([name, shape]) => [name, { dtype: 'F32' as const, shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(7) }])),
    });

  it('fill a structure, renamed, leaving out what is known to change nothing', async () => {
    await write({ 'old.weight': [3, 2], 'old.bias': [3], 'rotary.inv_freq': [4], 'copy.weight': [3, 2] });
    const made = structure();
    const seen: number[] = [];
    await loadWeights({ structure: made, folder, rename: (name) => name.replace('old', 'a'), ignore: [/inv_freq$/], duplicates: new Map([['copy.weight', 'a.weight']]), trainable: false, onProgress: ({ loaded }) => seen.push(loaded) });
    expect([...made.parameters.get('a.weight').dataSync()]).toEqual([7, 7, 7, 7, 7, 7]);
    expect(made.parameters.get('a.bias').trainable).toBe(false);
    expect(seen).toEqual([1, 2]);
  });

  it('are refused by name, before anything is loaded', async () => {
    const before = tf.memory().numTensors;
    await write({ 'a.weight': [3, 2] });
    await expect(loadWeights({ structure: structure(), folder })).rejects.toMatchObject({ code: 'missing-tensor', message: expect.stringContaining('a.bias') });
    await write({ 'a.weight': [3, 2], 'a.bias': [3], 'b.weight': [1] });
    await expect(loadWeights({ structure: structure(), folder })).rejects.toMatchObject({ code: 'unexpected-tensor', message: expect.stringContaining('b.weight') });
    await write({ 'a.weight': [2, 3], 'a.bias': [3] });
    await expect(loadWeights({ structure: structure(), folder })).rejects.toMatchObject({ code: 'shape-mismatch', message: expect.stringContaining('a.weight is [2, 3] where config.json asks for [3, 2]') });
    await rm(join(folder, 'model.safetensors'));
    await expect(loadWeights({ structure: structure(), folder })).rejects.toMatchObject({ code: 'missing-file' });
    await writeFile(join(folder, 'model.safetensors'), 'not a tensor file');
    await expect(loadWeights({ structure: structure(), folder })).rejects.toThrow(/model\.safetensors/);
    await expect(readConfig({ folder })).rejects.toMatchObject({ code: 'missing-file', message: expect.stringContaining('config.json') });
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
