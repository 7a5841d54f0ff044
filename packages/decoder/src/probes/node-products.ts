import type { Reasoner } from '@subtext/reasoner';
import { tf } from '@subtext/tensor';

import { DecoderError } from '../errors';

/**
 * Embeddings of the nodes 0 … nodes − 1, `[width]` each.
 *
 * @throws DecoderError unsuitable-reasoner if it has no token for one of them
 */
export async function nodeEmbeddings({
  reasoner,
  nodes,
}: {
  reasoner: Reasoner;
  nodes: number;
}): Promise<Float32Array[]> {
  const names = Array.from({ length: nodes }, (_, node) => String(node));
  const missing = names.find((name) => !reasoner.tokenizer.has(name));
  if (missing !== undefined)
    throw new DecoderError({
      code: 'unsuitable-reasoner',
      message: `A graph has ${nodes} nodes, but this reasoner has no token for node ${missing}.`,
    });
  const rows = tf.tidy(() =>
    reasoner.model.embed(
      tf.tensor2d(
        names.map((name) => reasoner.tokenizer.idOf(name)),
        [1, nodes],
        'int32',
      ),
    ),
  );
  const values = (await rows.data()) as Float32Array;
  const width = rows.shape[2];
  rows.dispose();
  return names.map((_, node) => values.subarray(node * width, (node + 1) * width));
}

/** By node, the dot product of a thought `h` with its embedding `e_v`: how strongly the thought encodes the node. */
export function nodeProducts({
  hidden,
  embeddings,
}: {
  /** `[width]` */ hidden: Float32Array;
  embeddings: readonly Float32Array[];
}): number[] {
  return embeddings.map((embedding) => embedding.reduce((sum, value, place) => sum + value * hidden[place]!, 0));
}
