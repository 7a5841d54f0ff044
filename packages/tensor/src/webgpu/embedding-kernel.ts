import type { tf } from '../tensorflow';
import { tf as tensorflow } from '../tensorflow';
import type { FusedKernels } from '../kernels/fused-kernels';
import { defaultWorkgroup, type RunShader } from './run-shader';

/**
 * The gradient of a look-up, added in the order of positions: a workgroup for each position, of which the first with an
 * id adds up what came to that id. The backend's own scatter adds by atomics, in any order. Work grows as the square of
 * the positions (reads of ids only).
 */
export function embeddingBackwardKernel(run: RunShader): NonNullable<FusedKernels['embeddingBackward']> {
  return ({ gradient, ids, vocabulary }) => {
    const [count, width] = gradient.shape;
    const table = tensorflow.zeros<tf.Rank.R2>([vocabulary, width]);
    if (gradient.size === 0) {
      return table;
    }
    run({
      name: 'embeddingGradient',
      declarations: 'var<workgroup> seenBefore: atomic<u32>;',
      body: `let first = i32(group);
  let id = ids[first];
  for (var position = i32(lane); position < first; position += ${defaultWorkgroup}) {
    if (ids[position] == id) { atomicStore(&seenBefore, 1u); }
  }
  workgroupBarrier();
  if (atomicLoad(&seenBefore) == 1u || id < 0 || id >= uniforms.vocabulary) { return; }
  for (var column = i32(lane); column < uniforms.width; column += ${defaultWorkgroup}) {
    var sum = 0.0;
    for (var position = first; position < uniforms.count; position++) {
      if (ids[position] == id) { sum += gradient[position * uniforms.width + column]; }
    }
    table[id * uniforms.width + column] = sum;
  }`,
      inputs: { gradient, ids },
      inPlace: { table },
      integers: { count, width, vocabulary },
      groups: count,
    });
    return table;
  };
}
