import { tf } from '@subtext/tensor';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Initialisation, ModelStructure } from './parameter-scope';

/** FNV-1a: each parameter's random stream hangs on its name, so that adding a layer leaves the others as they were. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value >>> 0;
}

/** Draws the first values of a parameter from a stream named by `seed` and `name`. */
export function drawInitialValues({ initialisation, count, seed, name }: { initialisation: Initialisation; count: number; seed: number; name: string }): Float32Array {
  const values = new Float32Array(count);
  if (initialisation.kind === 'zeros') return values;
  if (initialisation.kind === 'ones') return values.fill(1);
  const generator = xoroshiro128plus((hash(name) ^ Math.imul(seed, 0x9e3779b1)) | 0);
  /** Uniform in (0, 1). */
  const uniform = () => ((generator.next() >>> 0) + 0.5) / 2 ** 32;
  if (initialisation.kind === 'uniform') return values.map(() => (2 * uniform() - 1) * initialisation.limit);
  for (let index = 0; index < count; index += 2) {
    // Box–Muller: two normal values from two uniform ones.
    const radius = initialisation.deviation * Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    values[index] = radius * Math.cos(angle);
    if (index + 1 < count) values[index + 1] = radius * Math.sin(angle);
  }
  return values;
}

/** Gives every declared parameter its first value; the same seed gives the same values on every engine. */
export function initialiseWeights({ structure, seed, trainable = true }: { structure: ModelStructure; seed: number; /** Default true. */ trainable?: boolean }): void {
  for (const { name, shape, initialisation } of structure.declarations.values()) {
    const count = shape.reduce((product, size) => product * size, 1);
    const initial = tf.tensor(drawInitialValues({ initialisation, count, seed, name }), [...shape], 'float32');
    structure.parameters.add({ name, value: initial, trainable });
    initial.dispose();
  }
}
