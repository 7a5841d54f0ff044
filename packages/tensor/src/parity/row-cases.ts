import type { tf } from '../tensorflow';
import { crossEntropy } from '../operations/cross-entropy';
import { embedding } from '../operations/embedding';
import { gatherRows } from '../operations/gather-rows';
import { scatterRows } from '../operations/scatter-rows';
import { InputMaker, type ParityCase, type Tensors } from './parity-case';
import { crossEntropyReference, rowsReference, scatterRowsReference } from './reference';

export function embeddingCase({
  vocabulary,
  width,
  shape,
}: {
  vocabulary: number;
  width: number;
  shape: number[];
}): ParityCase {
  const make = new InputMaker(vocabulary * 13 + width);
  return {
    name: `embedding ${vocabulary}×${width}, ids [${shape.join(', ')}]`,
    inputs: { table: make.float([vocabulary, width]), ids: make.integer(shape, 0, vocabulary - 1) },
    run: ({ table, ids }: Tensors) => embedding({ table: table as tf.Tensor2D, ids: ids! }),
    reference: ({ table, ids }) => rowsReference({ table: table!, ids: ids!, width }),
  };
}

export function crossEntropyCase({
  rows,
  vocabulary,
  ignored = 0,
  ignoreIndex = -100,
  deviation = 3,
}: {
  rows: number;
  vocabulary: number;
  ignored?: number;
  ignoreIndex?: number;
  deviation?: number;
}): ParityCase {
  const make = new InputMaker(rows * 19 + vocabulary);
  const labels = make.integer([rows], 0, vocabulary - 1);
  labels.values.fill(ignoreIndex, 0, ignored);
  return {
    name: `crossEntropy ${rows}×${vocabulary}, ${ignored} ignored as ${ignoreIndex}, deviation ${deviation}`,
    inputs: { logits: make.float([rows, vocabulary], { deviation }), labels },
    run: ({ logits, labels }: Tensors) =>
      crossEntropy({ logits: logits as tf.Tensor2D, labels: labels as tf.Tensor1D, ignoreIndex }),
    reference: ({ logits, labels }) =>
      crossEntropyReference({ logits: logits!, labels: labels!, vocabulary, ignoreIndex }),
  };
}

export function gatherRowsCase(): ParityCase {
  const make = new InputMaker(5);
  return {
    name: 'gatherRows 7×5, rows repeated',
    inputs: { input: make.float([7, 5]), indices: make.integers([6], [6, 0, 3, 3, 0, 3]) },
    run: ({ input, indices }: Tensors) => gatherRows({ input: input as tf.Tensor2D, indices: indices as tf.Tensor1D }),
    reference: ({ input, indices }) => rowsReference({ table: input!, ids: indices!, width: 5 }),
  };
}

export function scatterRowsCase(indices: number[], rows: number, width: number): ParityCase {
  const make = new InputMaker(rows);
  return {
    name: `scatterRows ${rows}×${width} at [${indices.join(', ')}]`,
    inputs: { input: make.float([rows, width]), updates: make.float([indices.length, width]) },
    run: ({ input, updates }: Tensors) =>
      scatterRows({ input: input as tf.Tensor2D, indices, updates: updates as tf.Tensor2D }),
    reference: ({ input, updates }) => scatterRowsReference({ input: input!, updates: updates!, indices, width }),
  };
}
