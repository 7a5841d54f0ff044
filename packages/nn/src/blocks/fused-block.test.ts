import {
  describeEngines,
  fusedKernels,
  Parameters,
  tf,
  useEngine,
  valueAndGradients,
  withoutFusedKernels,
} from '@subtext/tensor';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { initialiseWeights } from '../weights/initialise-weights';
import { ModelStructure } from '../weights/parameter-scope';
import { FusedProjection, SeparateProjections } from './attention-projections';
import { GatedFeedForward, PlainFeedForward } from './feed-forward';
import { GrowingCache, PreallocatedCache } from './key-value-cache';
import { LinearLayer } from './linear-layer';
import { LowRankAdapter } from './low-rank-adapter';
import { HeadNorm, LayerNormLayer, RmsNormLayer } from './normalisation';
import { RotaryEmbedding } from './rotary-embedding';
import { SelfAttention, type SelfAttentionOptions } from './self-attention';
import { TransformerBlock } from './transformer-block';

// Only where an engine has such a kernel: native, or tensorflow with kernels of its own.
let name: string | null = null;
for (const engine of (await describeEngines()).filter(({ loads }) => loads)) {
  if (name !== null || !['native', 'tensorflow'].includes(engine.name)) continue;
  await useEngine({ engine: engine.name });
  if (fusedKernels().decoderBlock !== undefined) name = engine.name;
}
const present = name !== null;

let structure: ModelStructure;
let before: number;
beforeEach(() => {
  before = tf.memory().numTensors;
  structure = new ModelStructure({ parameters: new Parameters() });
});
afterEach(() => {
  structure.parameters.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

const width = 24;

/** GPT-2's block: layer norms, packed projections `[in, out]`, biases. */
function packedBlock(): TransformerBlock {
  const scope = structure.scope('block');
  const linear = (name: string, inputWidth: number, outputWidth: number) =>
    new LinearLayer({
      scope: scope.child(name),
      inputWidth,
      outputWidth,
      layout: 'in-out',
      initialisation: { kind: 'normal', deviation: 0.3 },
    });
  return new TransformerBlock({
    attentionNorm: new LayerNormLayer({ scope: scope.child('norm'), width, epsilon: 1e-5 }),
    attention: new SelfAttention({
      projection: new FusedProjection({ queryKeyValue: linear('qkv', width, 3 * width) }),
      output: linear('out', width, width),
      heads: 3,
    }),
    feedForwardNorm: new LayerNormLayer({ scope: scope.child('norm2'), width, epsilon: 1e-5 }),
    feedForward: new PlainFeedForward({
      up: linear('up', width, 70),
      down: linear('down', 70, width),
      activation: 'gelu-tanh',
    }),
  });
}

/** Llama's block: RMS norms, grouped heads, a gate, `[out, in]`, no biases. */
function separateBlock(changes: Partial<SelfAttentionOptions> & { offset?: 0 | 1 } = {}): TransformerBlock {
  const scope = structure.scope('block');
  const linear = (name: string, inputWidth: number, outputWidth: number) =>
    new LinearLayer({
      scope: scope.child(name),
      inputWidth,
      outputWidth,
      bias: false,
      initialisation: { kind: 'normal', deviation: 0.3 },
    });
  return new TransformerBlock({
    attentionNorm: new RmsNormLayer({ scope: scope.child('norm'), width, epsilon: 1e-6, offset: changes.offset }),
    attention: new SelfAttention({
      projection: new SeparateProjections({
        query: linear('q', width, 32),
        key: linear('k', width, 16),
        value: linear('v', width, 16),
      }),
      output: linear('out', 32, width),
      heads: 4,
      keyValueHeads: 2,
      ...changes,
    }),
    feedForwardNorm: new RmsNormLayer({ scope: scope.child('norm2'), width, epsilon: 1e-6, offset: changes.offset }),
    feedForward: new GatedFeedForward({
      gate: linear('gate', width, 33),
      up: linear('up', width, 33),
      down: linear('down', 33, width),
      activation: 'silu',
    }),
  });
}

/** A prompt of five positions, then single ones, as generation feeds them. */
function decode({
  block,
  masks,
  rotary,
  cacheWidth,
}: {
  block: TransformerBlock;
  masks: boolean;
  rotary: RotaryEmbedding | null;
  cacheWidth: number;
}): tf.Tensor3D[] {
  const cache = new PreallocatedCache({ layers: 1, batch: 2, capacity: 9, width: cacheWidth });
  const outputs = [5, 1, 1, 1].map((time, call) => {
    const input = tf.randomNormal([2, time, width], 0, 1, 'float32', call + 1) as tf.Tensor3D;
    const length = cache.length + time;
    // The first row's first two positions are padding.
    const mask = masks
      ? tf.tensor2d(
          [...Array.from({ length }, (_, at) => (at < 2 ? 0 : 1)), ...new Array<number>(length).fill(1)],
          [2, length],
          'int32',
        )
      : null;
    const output = block.apply({
      input,
      causal: true,
      mask,
      rotary: rotary?.angles({ offset: cache.length, time }) ?? null,
      cache: cache.layer(0),
    });
    cache.advance(time);
    // What stands at padding is nobody's: it may differ.
    return masks && call === 0 ? tf.slice(output, [0, 2, 0], [2, 3, width]) : output;
  });
  cache.dispose();
  return outputs;
}

describe.skipIf(!present)('a block as one call of the engine', () => {
  it.each([
    ['packed', false, false],
    ['packed', true, false],
    ['separate', false, true],
    ['separate', true, true],
  ] as const)('gives what its operations give (%s, masks %s, rotary %s)', (kind, masks, rotates) => {
    const block = kind === 'packed' ? packedBlock() : separateBlock();
    initialiseWeights({ structure, seed: 3 });
    const rotary = rotates ? new RotaryEmbedding({ headWidth: 8, theta: 100 }) : null;
    tf.tidy(() => {
      const options = { block, masks, rotary, cacheWidth: kind === 'packed' ? width : 16 };
      const whole = decode(options);
      const parts = withoutFusedKernels(() => decode(options));
      for (const [call, output] of whole.entries())
        expect(tf.max(tf.abs(tf.sub(output, parts[call]!))).dataSync()[0]).toBeLessThan(2e-5);
    });
    rotary?.dispose();
  });

  it.each([
    ['a window and norms with an offset', { window: 3, offset: 1 }, 8, true],
    ['a soft cap', { softCap: 0.7 }, 8, false],
    ['rotary positions in a part of each head', { rotaryDimensions: 4 }, 4, false],
    ['pairs side by side', { rotaryLayout: 'interleaved' }, 8, false],
  ] as const)('gives what its operations give, with a kernel for it or without (%s)', (_, changes, turned, fused) => {
    const block = separateBlock(changes);
    initialiseWeights({ structure, seed: 3 });
    const rotary = new RotaryEmbedding({ headWidth: turned, theta: 100 });
    tf.tidy(() => {
      const options = { block, masks: true, rotary, cacheWidth: 16 };
      const kernel = vi.spyOn(fusedKernels().decoderBlock!, 'forward');
      const whole = decode(options);
      expect(kernel).toHaveBeenCalledTimes(fused ? 4 : 0);
      kernel.mockRestore();
      const parts = withoutFusedKernels(() => decode(options));
      for (const [call, output] of whole.entries())
        expect(tf.max(tf.abs(tf.sub(output, parts[call]!))).dataSync()[0]).toBeLessThan(2e-5);
    });
    rotary.dispose();
  });

  it('goes operation by operation where a part does not say what a kernel computes it from', () => {
    const block = separateBlock();
    const { attention, attentionNorm, feedForwardNorm, feedForward } = block;
    // A norm of its own kind, and one that is an RMS norm with something more.
    const doubled = { apply: <Shape extends tf.Tensor>({ input }: { input: Shape }) => tf.mul(input, 2) as Shape };
    const heads = new HeadNorm({ scope: structure.scope('block').child('heads'), width: 4, epsilon: 1e-6 });
    initialiseWeights({ structure, seed: 3 });
    for (const norm of [doubled, heads]) {
      const changed = new TransformerBlock({ attention, feedForward, feedForwardNorm, attentionNorm: norm });
      const whole = new TransformerBlock({ attention, feedForward, feedForwardNorm, attentionNorm });
      tf.tidy(() => {
        const kernel = vi.spyOn(fusedKernels().decoderBlock!, 'forward');
        const options = { masks: false, rotary: null, cacheWidth: 16 };
        const outputs = decode({ ...options, block: changed });
        expect(kernel).not.toHaveBeenCalled();
        decode({ ...options, block: whole });
        expect(kernel).toHaveBeenCalled();
        kernel.mockRestore();
        const parts = withoutFusedKernels(() => decode({ ...options, block: changed }));
        expect(tf.max(tf.abs(tf.sub(outputs[3]!, parts[3]!))).dataSync()[0]).toBeLessThan(2e-5);
      });
    }
  });

  it.each([
    ['packed', packedBlock],
    ['separate', separateBlock],
  ] as const)('gives what its operations give with an adapter on every layer (%s)', (kind, make) => {
    const block = make();
    initialiseWeights({ structure, seed: 3 });
    tf.tidy(() => {
      const options = { block, masks: false, rotary: null, cacheWidth: kind === 'packed' ? width : 16 };
      const plain = decode(options);
      const adapters = adapt();
      const kernel = vi.spyOn(fusedKernels().decoderBlock!, 'forward');
      const adapted = decode(options);
      expect(kernel).toHaveBeenCalledTimes(4);
      kernel.mockRestore();
      expect(tf.max(tf.abs(tf.sub(adapted[3]!, plain[3]!))).dataSync()[0]).toBeGreaterThan(0.01);
      const parts = withoutFusedKernels(() => decode(options));
      for (const [call, output] of adapted.entries())
        expect(tf.max(tf.abs(tf.sub(output, parts[call]!))).dataSync()[0]).toBeLessThan(5e-5);
      adapters.dispose();
    });
  });
});

/** Puts an adapter of rank 3 on every layer, whose weights it freezes; disposes them, and lets the weights train again. */
function adapt({ dropout = 0 } = {}): { parameters: Parameters; dispose(): void } {
  const parameters = new Parameters();
  for (const [index, layer] of [...structure.linearLayers.values()].entries()) {
    const add = (name: string, shape: [number, number]) =>
      parameters.add({ name: `${layer.name}.${name}`, value: tf.randomNormal(shape, 0, 0.2, 'float32', 7 + index) });
    const [down, up] = [add('down', [3, layer.inputWidth]), add('up', [layer.outputWidth, 3])];
    layer.adapter = new LowRankAdapter({ down, up, scaling: 0.5, dropout });
  }
  structure.parameters.freeze();
  return {
    parameters,
    dispose: () => {
      parameters.dispose();
      structure.parameters.unfreeze();
      for (const layer of structure.linearLayers.values()) layer.adapter = null;
    },
  };
}

/** CLIP's block: layer norms, separate projections `[out, in]` with biases, no rotation. */
function biasedBlock(): TransformerBlock {
  const scope = structure.scope('block');
  const linear = (name: string, inputWidth: number, outputWidth: number) =>
    new LinearLayer({
      scope: scope.child(name),
      inputWidth,
      outputWidth,
      initialisation: { kind: 'normal', deviation: 0.3 },
    });
  return new TransformerBlock({
    attentionNorm: new LayerNormLayer({ scope: scope.child('norm'), width, epsilon: 1e-5 }),
    attention: new SelfAttention({
      projection: new SeparateProjections({
        query: linear('q', width, width),
        key: linear('k', width, width),
        value: linear('v', width, width),
      }),
      output: linear('out', width, width),
      heads: 3,
    }),
    feedForwardNorm: new LayerNormLayer({ scope: scope.child('norm2'), width, epsilon: 1e-5 }),
    feedForward: new PlainFeedForward({
      up: linear('up', width, 70),
      down: linear('down', 70, width),
      activation: 'none',
    }),
  });
}

/** The block's output and gradients under a loss that weighs every number of it differently. */
function train({
  block,
  causal,
  mask,
  rotates,
  passes = null,
  adapters = new Parameters(),
}: {
  block: TransformerBlock;
  causal: boolean;
  mask: tf.Tensor | null;
  rotates: boolean;
  /** Positions of each pass over a cache that grows; null: one pass without. */
  passes?: readonly number[] | null;
  adapters?: Parameters;
}): { output: tf.Tensor; gradients: Record<string, tf.Tensor> } {
  const rotary = rotates ? new RotaryEmbedding({ headWidth: 8, theta: 100 }) : null;
  let output!: tf.Tensor;
  const { value, gradients } = valueAndGradients({
    parameters: [structure.parameters, adapters],
    compute: () => {
      const input = structure.parameters.get('input') as unknown as tf.Tensor3D;
      const cache = passes && new GrowingCache({ layers: 1 });
      const states = (passes ?? [7]).map((time) => {
        const offset = cache?.length ?? 0;
        const part = block.apply({
          input: tf.slice(input, [0, offset, 0], [2, time, width]),
          causal,
          mask:
            mask === null || !passes
              ? mask
              : mask.rank === 2
                ? tf.slice(mask as tf.Tensor2D, [0, 0], [2, offset + time])
                : tf.slice(mask as tf.Tensor3D, [0, offset, 0], [2, time, offset + time]),
          rotary: rotary?.angles({ offset, time }) ?? null,
          cache: cache?.layer(0) ?? null,
        });
        cache?.advance(time);
        return part;
      });
      output = tf.keep(states.length === 1 ? states[0]! : tf.concat(states, 1));
      return tf.sum(tf.mul(output, tf.randomNormal(output.shape, 0, 1, 'float32', 5))) as tf.Scalar;
    },
  });
  value.dispose();
  rotary?.dispose();
  return { output, gradients };
}

function start(make: () => TransformerBlock): TransformerBlock {
  const block = make();
  initialiseWeights({ structure, seed: 3 });
  for (const [name, variable] of structure.parameters.entries()) {
    // Zeros and ones would hide a bias or a scale that is left out.
    if (/bias|norm/.test(name))
      tf.tidy(() => variable.assign(tf.add(variable, tf.randomNormal(variable.shape, 0, 0.3, 'float32', name.length))));
  }
  structure.parameters.add({ name: 'input', value: tf.randomNormal([2, 7, width], 0, 1, 'float32', 1) });
  return block;
}

const largestDifference = (a: tf.Tensor, b: tf.Tensor) => tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!);

describe.skipIf(!present)('a block that trains, as one call of the engine', () => {
  const flat = [0, 0, 1, 1, 1, 1, 1, ...new Array<number>(7).fill(1)];
  it.each([
    ['packed', packedBlock, true, null, false],
    ['packed, padded', packedBlock, true, [2, 7], false],
    ['grouped heads, gate, rotary', separateBlock, true, null, true],
    ['grouped heads, gate, rotary, a mask of its own for each query', separateBlock, false, [2, 7, 7], true],
    ['a window', () => separateBlock({ window: 3 }), true, [2, 7], true],
    ['biases, seeing everything', biasedBlock, false, null, false],
    ['biases, padded', biasedBlock, false, [2, 7], false],
  ] as const)('has the output and gradients of its operations (%s)', (_, make, causal, maskShape, rotates) => {
    const block = start(make);
    const mask =
      maskShape &&
      tf.tensor(
        maskShape.length === 2 ? flat : Array.from({ length: 98 }, (_, at) => (at % 7 === 0 || at % 5 > 1 ? 1 : 0)),
        [...maskShape],
        'int32',
      );
    const kernel = vi.spyOn(fusedKernels().transformerBlock!, 'forward');
    const whole = train({ block, causal, mask, rotates });
    expect(kernel).toHaveBeenCalledOnce();
    kernel.mockRestore();
    const parts = withoutFusedKernels(() => train({ block, causal, mask, rotates }));
    expect(largestDifference(whole.output, parts.output)).toBeLessThan(2e-5);
    expect(Object.keys(whole.gradients).sort()).toEqual([...structure.parameters.names()].sort());
    for (const [name, gradient] of Object.entries(whole.gradients)) {
      const size = tf.tidy(() => tf.max(tf.abs(parts.gradients[name]!)).dataSync()[0]!);
      expect(largestDifference(gradient, parts.gradients[name]!), name).toBeLessThan(2e-5 * Math.max(1, size));
    }
    tf.dispose([whole, parts, mask ?? []]);
  });

  it.each([
    ['packed', packedBlock, [4, 2, 1], null, false],
    ['packed, padded', packedBlock, [3, 1, 3], [2, 7], false],
    ['grouped heads, gate, rotary', separateBlock, [1, 5, 1], [2, 7], true],
    ['grouped heads, gate, rotary, a mask of its own for each query', separateBlock, [5, 1, 1], [2, 7, 7], true],
    ['a window', () => separateBlock({ window: 3 }), [4, 3], null, true],
    ['biases', biasedBlock, [2, 2, 3], null, false],
  ] as const)(
    'has the output and gradients of one pass in several, over earlier keys and values (%s)',
    (_, make, passes, maskShape, rotates) => {
      const block = start(make);
      const mask =
        maskShape &&
        tf.tensor(
          maskShape.length === 2 ? flat : Array.from({ length: 98 }, (_, at) => (at % 8 === 0 || at % 5 > 1 ? 1 : 0)),
          [...maskShape],
          'int32',
        );
      const kernel = vi.spyOn(fusedKernels().continuedBlock!, 'forward');
      const whole = train({ block, causal: true, mask, rotates, passes });
      expect(kernel).toHaveBeenCalledTimes(passes.length);
      kernel.mockRestore();
      const parts = withoutFusedKernels(() => train({ block, causal: true, mask, rotates }));
      expect(largestDifference(whole.output, parts.output)).toBeLessThan(2e-5);
      expect(Object.keys(whole.gradients).sort()).toEqual([...structure.parameters.names()].sort());
      for (const [name, gradient] of Object.entries(whole.gradients)) {
        const size = tf.tidy(() => tf.max(tf.abs(parts.gradients[name]!)).dataSync()[0]!);
        expect(largestDifference(gradient, parts.gradients[name]!), name).toBeLessThan(2e-5 * Math.max(1, size));
      }
      tf.dispose([whole, parts, mask ?? []]);
    },
  );

  it('reaches earlier keys and values where only adapters train', () => {
    const block = start(separateBlock);
    const adapters = adapt();
    structure.parameters.unfreeze('input');
    const options = { block, causal: true, mask: null, rotates: true, adapters: adapters.parameters };
    const kernel = vi.spyOn(fusedKernels().continuedBlock!, 'forward');
    const whole = train({ ...options, passes: [4, 1, 2] });
    expect(kernel).toHaveBeenCalledTimes(3);
    kernel.mockRestore();
    const parts = withoutFusedKernels(() => train(options));
    expect(Object.keys(whole.gradients).sort()).toEqual(['input', ...adapters.parameters.names()].sort());
    for (const [name, gradient] of Object.entries(whole.gradients)) {
      const size = tf.tidy(() => tf.max(tf.abs(parts.gradients[name]!)).dataSync()[0]!);
      expect(largestDifference(gradient, parts.gradients[name]!), name).toBeLessThan(5e-5 * Math.max(1, size));
    }
    adapters.dispose();
    tf.dispose([whole, parts]);
  });

  it('refuses earlier keys and values that do not fit', () => {
    const block = start(packedBlock);
    tf.tidy(() => {
      const input = structure.parameters.get('input') as unknown as tf.Tensor3D;
      const past = { key: tf.zeros([2, 3, width]) as tf.Tensor3D, value: tf.zeros([2, 2, width]) as tf.Tensor3D };
      const cache = { append: () => past, grown: { past, replace: () => {} } };
      expect(() => block.apply({ input, causal: true, cache })).toThrow(/earlier value must be \[2, 3, 24\]/);
    });
  });

  it.each([
    ['packed', packedBlock, null, false],
    ['grouped heads, gate, rotary', separateBlock, [2, 7], true],
    ['biases', biasedBlock, null, false],
  ] as const)('has the gradients of its adapters over frozen weights (%s)', (_, make, maskShape, rotates) => {
    const block = start(make);
    const adapters = adapt();
    structure.parameters.unfreeze('input');
    const mask = maskShape && tf.tensor(flat, [...maskShape], 'int32');
    const options = { block, causal: true, mask, rotates, adapters: adapters.parameters };
    const kernel = vi.spyOn(fusedKernels().transformerBlock!, 'forward');
    const whole = train(options);
    expect(kernel).toHaveBeenCalledOnce();
    kernel.mockRestore();
    const parts = withoutFusedKernels(() => train(options));
    expect(largestDifference(whole.output, parts.output)).toBeLessThan(5e-5);
    expect(Object.keys(whole.gradients).sort()).toEqual(['input', ...adapters.parameters.names()].sort());
    for (const [name, gradient] of Object.entries(whole.gradients)) {
      const size = tf.tidy(() => tf.max(tf.abs(parts.gradients[name]!)).dataSync()[0]!);
      expect(largestDifference(gradient, parts.gradients[name]!), name).toBeLessThan(5e-5 * Math.max(1, size));
    }
    adapters.dispose();
    tf.dispose([whole, parts, mask ?? []]);
  });

  it('goes operation by operation where an adapter drops inputs', () => {
    const block = start(packedBlock);
    const adapters = adapt({ dropout: 0.5 });
    for (const layer of structure.linearLayers.values()) layer.adapter!.setDropoutSeed(1);
    const kernel = vi.spyOn(fusedKernels().transformerBlock!, 'forward');
    const { output, gradients } = train({
      block,
      causal: true,
      mask: null,
      rotates: false,
      adapters: adapters.parameters,
    });
    expect(kernel).not.toHaveBeenCalled();
    kernel.mockRestore();
    adapters.dispose();
    tf.dispose([output, gradients]);
  });

  it('refuses a mask that does not fit', () => {
    const block = start(packedBlock);
    const mask = tf.ones([2, 6], 'int32');
    expect(() => train({ block, causal: true, mask, rotates: false })).toThrow(/transformerBlock: mask must be int32/);
    mask.dispose();
  });

  it('goes operation by operation where some weights do not train', () => {
    const block = start(packedBlock);
    structure.parameters.freeze(/qkv/);
    const kernel = vi.spyOn(fusedKernels().transformerBlock!, 'forward');
    const { output, gradients } = train({ block, causal: true, mask: null, rotates: false });
    expect(kernel).not.toHaveBeenCalled();
    kernel.mockRestore();
    expect(Object.keys(gradients)).not.toContain('block.qkv.weight');
    expect(Object.keys(gradients)).toContain('block.up.weight');
    tf.dispose([output, gradients]);
  });
});
