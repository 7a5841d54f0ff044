import { tf } from '../tensorflow';

type Save = (tensors: tf.Tensor[]) => void;

interface DifferentiableOptions<T extends tf.Tensor> {
  /** What the output depends on, by name; only these can receive gradients. */
  inputs: Record<string, tf.Tensor>;
  /** Computes the output. What `save` is given reaches `gradients`; it is kept only while a tape records. */
  forward: (save: Save) => T;
  /**
   * Gradients of the inputs, each a function that is called only if the tape needs that input's gradient: a frozen
   * weight costs nothing. What several of them share may be computed before they are returned.
   */
  gradients: (gradient: T, saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
}

interface DifferentiablesOptions<T extends tf.Tensor[]> extends Omit<
  DifferentiableOptions<T[0]>,
  'forward' | 'gradients'
> {
  /** Computes the outputs. What `save` is given reaches `gradients`; it is kept only while a tape records. */
  forward: (save: Save) => T;
  /** As of {@link DifferentiableOptions}, from the gradients of all outputs; one that nothing depends on has zeros. */
  gradients: (gradients: T, saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
}

/** The part of TensorFlow.js's engine that records an operation with its own gradient; `tf.customGrad` is a wrapper of it. */
interface RecordingEngine {
  runKernelFunc<T extends tf.Tensor | tf.Tensor[]>(options: {
    inputs: Record<string, tf.Tensor>;
    forwardFunc: (backend: unknown, save: Save) => T;
    backwardsFunc: (gradient: T, saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
  }): T;
}

/**
 * Runs an operation with a hand-written gradient on TensorFlow.js's tape. Unlike `tf.customGrad`, gradients are lazy:
 * one that nothing asks for is not computed. Second derivatives are not supported.
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
