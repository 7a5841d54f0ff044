import { PatternError } from '@subtext/core';
import { openModel, freezeParameters, parameterPattern } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { beforeAll, describe, expect, it } from 'vitest';

const config = {
  model_type: 'llama',
  vocab_size: 8,
  hidden_size: 8,
  intermediate_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  max_position_embeddings: 16,
};

beforeAll(async () => void (await useEngine({ engine: 'cpu' })));

describe('patterns over names of parameters', () => {
  it('freezes what they find anywhere in a name, as JavaScript reads them', async () => {
    const model = await openModel({ kind: 'new', config, seed: 1 });
    freezeParameters({ model, frozen: ['^model\\.layers\\.(?!0\\.)', 'norm\\.weight$'] });
    const learns = [...model.parameters.entries()].filter(([, variable]) => variable.trainable).map(([name]) => name);
    expect(learns.length).toBeGreaterThan(5);
    expect(learns.filter((name) => name.includes('layers.1.') || name.endsWith('norm.weight'))).toEqual([]);
    expect(learns).toContain('model.layers.0.self_attn.q_proj.weight');
    model.dispose();
  });

  it('draws with the first pattern that fits', async () => {
    const model = await openModel({
      kind: 'new',
      config,
      seed: 1,
      initialisation: [
        { pattern: 'layers\\.0\\..*q_proj', deviation: 10 },
        { pattern: 'q_proj', deviation: 1e-6 },
      ],
    });
    const largest = async (name: string) => Math.max(...(await model.parameters.get(name).data()).map(Math.abs));
    expect(await largest('model.layers.0.self_attn.q_proj.weight')).toBeGreaterThan(5);
    expect(await largest('model.layers.1.self_attn.q_proj.weight')).toBeLessThan(1e-4);
    model.dispose();
  });

  it.each([
    ['(', 'invalid-pattern'],
    ['(a)\\1', 'unsupported-pattern'],
    ['(?:a{1000}){1000}', 'pattern-too-large'],
  ])('refuses %s where it stands', async (source, code) => {
    const refusal = expect.objectContaining({
      name: 'PatternError',
      code,
      message: expect.stringContaining(`${JSON.stringify(source)}: `) as string,
    }) as PatternError;
    expect(() => parameterPattern({ source, option: 'frozen' })).toThrow(refusal);
    await expect(
      openModel({ kind: 'new', config, seed: 1, initialisation: [{ pattern: source, deviation: 1 }] }),
    ).rejects.toThrow(/^initialisation: /);
  });

  it('ends on a name that takes another engine for ever', () => {
    const pattern = parameterPattern({ source: '(a+)+$', option: 'frozen' });
    const began = performance.now();
    expect(pattern.test(`${'a'.repeat(3000)}b`)).toBe(false);
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
