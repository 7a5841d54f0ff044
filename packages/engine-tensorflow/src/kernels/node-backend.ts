import { tf } from '@subtext/tensor';

/** An attribute of a TensorFlow operation; `type` is one of the binding's constants. */
interface Attribute {
  name: string;
  type: number;
  value: unknown;
}

/** tfjs-node's binding to TensorFlow's C library: handles are numbers. */
interface Binding {
  TF_FLOAT: number;
  TF_INT32: number;
  TF_ATTR_BOOL: number;
  TF_ATTR_TYPE: number;
  TF_ATTR_SHAPE: number;
  TF_ATTR_STRING: number;
  createTensor(shape: readonly number[], dtype: number, values: Float32Array | Int32Array): number;
  deleteTensor(handle: number): void;
  executeOp(name: string, attributes: Attribute[], inputs: number[], outputs: number): { id: number }[];
}

/** The parts of tfjs-node's backend (4.22) through which any TensorFlow operation can be run. */
export interface NodeBackend {
  binding: Binding;
  tensorMap: { get(dataId: object): { id: number; refCount: number } };
  getInputTensorIds(tensors: tf.Tensor[]): number[];
  createOutputTensor(output: { id: number }): tf.Tensor;
  executeSingleOutput(name: string, attributes: Attribute[], inputs: tf.Tensor[]): tf.Tensor;
  executeMultipleOutputs(name: string, attributes: Attribute[], inputs: tf.Tensor[], outputs: number): tf.Tensor[];
}

/** tfjs-node's backend, once loaded. */
export function nodeBackend(): NodeBackend {
  return tf.findBackend('tensorflow') as unknown as NodeBackend;
}
