import { tf } from '@subtext/tensor';
import type { EmbeddingKernel } from '@subtext/tensor';
import { elementwise } from './elementwise';
import type { RunShader } from './run-shader';

/**
 * The gradient of a look-up, added in the order of positions. The backend's own scatter adds by atomics, in any order,
 * and so gives other bits each time. First each position finds the next with its id, and whether it is the first; then
 * the first follows these links, a thread for each column. The search reads count² ids in all, at most.
 */
export function embeddingBackwardKernel(run: RunShader): EmbeddingKernel['backward'] {
  return ({ gradient, ids, vocabulary }) => {
    const [count, width] = gradient.shape;
    const table = tf.zeros<tf.Rank.R2>([vocabulary, width]);
    if (gradient.size === 0 || table.size === 0) {
      return table;
    }
    // Positions as float32: exact up to 16 million.
    const { next } = run({
      name: 'embeddingLinks',
      inputs: { ids },
      outputs: { next: [count] },
      ...elementwise(
        count,
        `let own = ids[i];
  var following = i + 1;
  while (following < uniforms.size && ids[following] != own) { following++; }
  var earlier = i - 1;
  while (earlier >= 0 && ids[earlier] != own) { earlier--; }
  // Negative where an earlier position starts the chain.
  next[i] = select(f32(following), -f32(following), earlier >= 0);`,
      ),
    });
    const size = elementwise(
      gradient.size,
      `let column = i % uniforms.width;
  var position = i / uniforms.width;
  let own = ids[position];
  if (next[position] < 0.0 || own < 0 || own >= uniforms.vocabulary) { return; }
  var sum = 0.0;
  while (position < uniforms.count) {
    sum += gradient[position * uniforms.width + column];
    position = i32(abs(next[position]));
  }
  table[own * uniforms.width + column] = sum;`,
    );
    run({
      name: 'embeddingGradient',
      inputs: { gradient, ids, next },
      inPlace: { table },
      ...size,
      integers: { ...size.integers, count, width, vocabulary },
    });
    next.dispose();
    return table;
  };
}
