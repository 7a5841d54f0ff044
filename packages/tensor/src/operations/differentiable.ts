import { tf } from '../tensorflow';

type Save = (tensors: tf.Tensor[]) => void;

interface DifferentiableOptions<T extends tf.Tensor> {
  /** Inputs by name; only these can receive gradients. */
  inputs: Record<string, tf.Tensor>;
  /** Computes the output. Tensors passed to `save` reach `gradients`; they are kept only while a tape records. */
  forward: (save: Save) => T;
  /**
   * Gradients of the inputs, as functions that are called only if the tape needs that gradient: a frozen weight costs
   * nothing. What several of them share may be computed before returning them.
   */
  gradients: (gradient: T, saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
}

interface DifferentiablesOptions<T extends tf.Tensor[]> extends Omit<
  DifferentiableOptions<T[0]>,
  'forward' | 'gradients'
> {
  /** Computes the outputs. Tensors passed to `save` reach `gradients`; they are kept only while a tape records. */
  forward: (save: Save) => T;
  /** As in {@link DifferentiableOptions}, from the gradients of all outputs; zeros for unused outputs. */
  gradients: (gradients: T, saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
}

/** The part of TensorFlow.js's engine that records an operation with a custom gradient; `tf.customGrad` wraps it. */
interface RecordingEngine {
  runKernelFunc<T extends tf.Tensor | tf.Tensor[]>(options: {
    inputs: Record<string, tf.Tensor>;
    forwardFunc: (backend: unknown, save: Save) => T;
    backwardsFunc: (gradient: T, saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
  }): T;
}

/**
 * Runs an operation with a hand-written gradient on TensorFlow.js's tape. Unlike with `tf.customGrad`, gradients are lazy
 * and computed only if needed. Second derivatives are not supported.
 */
export function differentiable<T extends tf.Tensor>({ inputs, forward, gradients }: DifferentiableOptions<T>): T {
  return (tf.engine() as unknown as RecordingEngine).runKernelFunc<T>({
    inputs,
    forwardFunc: (_backend, save) => forward(save),
    backwardsFunc: gradients,
  });
}

/** {@link differentiable} with several outputs. */
export function differentiables<T extends tf.Tensor[]>({ inputs, forward, gradients }: DifferentiablesOptions<T>): T {
  return (tf.engine() as unknown as RecordingEngine).runKernelFunc<T>({
    inputs,
    forwardFunc: (_backend, save) => forward(save),
    backwardsFunc: gradients,
  });
}
