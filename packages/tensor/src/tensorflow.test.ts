import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { tf } from './tensorflow';

const core = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-core'));

beforeAll(() => tf.setBackend('cpu'));

describe('what is added to the core of TensorFlow.js', () => {
  it('is made from the version in use', () => {
    const generated = readFileSync(new URL('./generated/tensorflow-additions.js', import.meta.url), 'utf8');
    expect(generated).toContain(`@tensorflow/tfjs-core ${tf.version_core};`);
  });

  it('has every gradient', () => {
    const text = readFileSync(join(core, 'register_all_gradients.js'), 'utf8');
    expect(text.match(/^ {4}\w+GradConfig,/gm)!.length).toBeGreaterThan(90);
    const kernels = readdirSync(join(core, 'gradients')).filter(
      (file) => /_grad\.js$/.test(file) && !file.startsWith('min_max'),
    );
    const missing = kernels
      .map((file) => /kernelName: (\w+)/.exec(readFileSync(join(core, 'gradients', file), 'utf8'))![1]!)
      .filter((name) => tf.getGradient((tf as unknown as Record<string, string>)[name]!) === undefined);
    expect(missing).toEqual([]);
  });

  it('has every operation as a method of tensors', () => {
    const folder = join(core, 'public', 'chained_ops');
    const names = readdirSync(folder).flatMap((file) =>
      file.endsWith('.js')
        ? [...readFileSync(join(folder, file), 'utf8').matchAll(/prototype\.(\w+) = /g)].map(([, name]) => name!)
        : [],
    );
    expect(names.length).toBeGreaterThan(120);
    for (const name of names) expect(tf.Tensor.prototype).toHaveProperty(name, expect.any(Function));
  });

  it('computes, forward and backward', () => {
    const x = tf.tensor2d([
      [1, 2],
      [3, 4],
    ]);
    expect(x.add(1).mul(x).sum(1, true).arraySync()).toEqual([[8], [32]]);
    expect(
      x
        .as1D()
        .concat([tf.tensor1d([5])])
        .arraySync(),
    ).toEqual([1, 2, 3, 4, 5]);
    expect(x.as3D(2, 2, 1).resizeNearestNeighbor([1, 1]).toInt().arraySync()).toEqual([[[1]]]);
    expect(
      tf
        .grad((y) => y.square().mean())(x)
        .arraySync(),
    ).toEqual([
      [0.5, 1],
      [1.5, 2],
    ]);
    expect(
      tf
        .grad((y) => y.max())(x)
        .arraySync(),
    ).toEqual([
      [0, 0],
      [0, 1],
    ]);
    const image = tf.ones([1, 3, 3, 1]) as ReturnType<typeof tf.zeros<tf.Rank.R4>>;
    const filter = tf.ones([2, 2, 1, 1]) as typeof image;
    expect(
      tf
        .grad((y) => tf.conv2d(y as typeof image, filter, 1, 'valid'))(image)
        .arraySync(),
    ).toEqual([
      [
        [[1], [2], [1]],
        [[2], [4], [2]],
        [[1], [2], [1]],
      ],
    ]);
    x.dispose();
    expect(() => x.add(1)).toThrow(/disposed/);
  });
});
