import { tf } from '../tensorflow';
import { TensorError } from '../errors';

/** A recorded operation. */
export interface TapeNode {
  inputs: Record<string, tf.Tensor>;
  outputs: tf.Tensor[];
  /** Saved for the gradient; owned by the tape. */
  saved: tf.Tensor[];
  gradient?: (gradients: (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>;
  kernelName: string;
}

/** Called with a variable's index and its gradient, as soon as the gradient is complete. */
export type OnGradient = (index: number, gradient: tf.Tensor | null) => void;

/** The part of TensorFlow.js's engine that records (4.22; the version is pinned). */
export interface RecordingEngine {
  state: { activeTape: TapeNode[] | null; gradientDepth: number };
  startTape(): void;
  endTape(): void;
}

/**
 * Like `tf.engine().gradients`, but frees each operation's saved tensors and output gradients as soon as the backward pass
 * is done with them, not at the end: peak memory is that of the forward pass, and freed blocks are reused while still in
 * the CPU cache.
 *
 * @param name name of the calling function, for errors
 * @returns the value and, for each variable, its gradient, or null if the value does not depend on it
 * @throws TensorError `shape-mismatch` if the value is not a scalar
 */
export function valueAndGradientTensors<T extends tf.Tensor>(
  compute: () => T,
  variables: readonly tf.Tensor[],
  name = 'valueAndGradients',
  onGradient?: OnGradient,
): { value: T; gradients: (tf.Tensor | null)[] } {
  const engine = tf.engine() as unknown as RecordingEngine;
  if (engine.state.gradientDepth > 0) {
    // Inside another gradient computation the outer tape needs what this would free.
    const { value, grads } = tf.engine().gradients(() => scalarOf(name, compute()), [...variables], undefined, true);
    grads.forEach((gradient, index) => onGradient?.(index, gradient ?? null));
    return { value, gradients: grads.map((gradient) => gradient ?? null) };
  }
  engine.startTape();
  const tape = engine.state.activeTape!;
  try {
    let value: T;
    try {
      value = tf.tidy(() => scalarOf(name, compute()));
    } finally {
      engine.endTape();
      engine.state.activeTape = null;
    }
    return { value, gradients: inScope(() => backward(tape, variables, value, undefined, onGradient)) };
  } finally {
    tape.forEach(release);
  }
}

function scalarOf<T extends tf.Tensor>(name: string, value: T): T {
  if (!(value instanceof tf.Tensor) || value.rank !== 0 || value.dtype !== 'float32') {
    const got = value instanceof tf.Tensor ? `${value.dtype} [${value.shape.join(', ')}]` : typeof value;
    throw new TensorError({
      code: 'shape-mismatch',
      message: `${name}: compute must give a float32 scalar, the loss; got ${got}. Take its mean or sum.`,
    });
  }
  return value;
}

/** `tf.tidy` for results that may be null. */
export function inScope<T extends (tf.Tensor | null)[]>(compute: () => T): T {
  let result: T | undefined;
  tf.tidy(() => {
    result = compute();
    return result.filter((tensor) => tensor !== null);
  });
  return result!;
}

/**
 * Gradients with respect to `variables` of what a tape has recorded; frees the tape's saved tensors along the way.
 *
 * @param gradient gradient of `value`; not disposed. @default ones
 */
export function backward(
  tape: TapeNode[],
  variables: readonly tf.Tensor[],
  value: tf.Tensor,
  gradient?: tf.Tensor,
  onGradient?: OnGradient,
): (tf.Tensor | null)[] {
  const reached = new Set(variables.map(({ id }) => id));
  const relevant = tape.filter((node) => {
    const touched = Object.values(node.inputs).some((input) => reached.has(input.id));
    if (touched) {
      node.outputs.forEach((output) => reached.add(output.id));
    } else {
      release(node);
    }
    return touched;
  });
  const gradients = new Map<number, tf.Tensor>();
  if (reached.has(value.id)) {
    gradients.set(value.id, gradient ? tf.clone(gradient) : tf.ones(value.shape));
  }
  const tell = onGradient && toldWhenWhole({ nodes: relevant, variables, gradients, onGradient });
  for (const node of relevant.reverse()) {
    if (node.outputs.some((output) => gradients.has(output.id))) {
      passThrough(node, reached, gradients);
    }
    release(node);
    tell?.(node);
  }
  return variables.map(({ id }) => gradients.get(id) ?? null);
}

/** Reports each variable's gradient once: after the last operation that adds to it, or at the start if there is none. */
function toldWhenWhole({
  nodes,
  variables,
  gradients,
  onGradient,
}: {
  nodes: readonly TapeNode[];
  variables: readonly tf.Tensor[];
  gradients: ReadonlyMap<number, tf.Tensor>;
  onGradient: OnGradient;
}): (node: TapeNode) => void {
  const uses = new Map<number, number>();
  for (const { inputs } of nodes) for (const { id } of Object.values(inputs)) uses.set(id, (uses.get(id) ?? 0) + 1);
  const places = new Map(variables.map(({ id }, index) => [id, index]));
  for (const [id, index] of places) if (!uses.has(id)) onGradient(index, gradients.get(id) ?? null);
  return ({ inputs }) => {
    for (const { id } of Object.values(inputs)) {
      const left = uses.get(id)! - 1;
      uses.set(id, left);
      if (left === 0 && places.has(id)) onGradient(places.get(id)!, gradients.get(id) ?? null);
    }
  };
}

/** Propagates the gradients of a node's outputs to its inputs. */
function passThrough(node: TapeNode, reached: ReadonlySet<number>, gradients: Map<number, tf.Tensor>): void {
  if (!node.gradient) {
    throw new Error(`Cannot compute gradient: gradient function not found for ${node.kernelName}.`);
  }
  const incoming = node.outputs.map((output) => gradients.get(output.id) ?? null);
  const wanted = Object.entries(node.inputs).filter(([, input]) => reached.has(input.id));
  const outgoing = tf.tidy(() => {
    const compute = node.gradient!(incoming);
    // A gradient may be one of the tensors freed below, or serve two inputs: then each gets its own handle.
    const owned = new Set<tf.Tensor | null>([...incoming, ...node.saved]);
    return wanted.map(([name, input]) => {
      let gradient = compute[name]!();
      if (!tf.util.arraysEqual(gradient.shape, input.shape)) {
        throw new Error(
          `The gradient of ${node.kernelName} by '${name}' has shape [${gradient.shape.join(', ')}], the input [${input.shape.join(', ')}].`,
        );
      }
      if (owned.has(gradient) || gradient.kept) {
        gradient = tf.clone(gradient);
      }
      owned.add(gradient);
      return gradient;
    });
  });
  node.outputs.forEach((output, index) => {
    incoming[index]?.dispose();
    gradients.delete(output.id);
  });
  wanted.forEach(([, { id }], index) => {
    const before = gradients.get(id);
    const added = outgoing[index]!;
    if (before) {
      gradients.set(id, tf.add(before, added));
      before.dispose();
      added.dispose();
    } else {
      gradients.set(id, added);
    }
  });
}

/** Frees the saved tensors of a recorded operation. */
export function release(node: TapeNode): void {
  node.saved.forEach((tensor) => tensor.dispose());
  node.saved = [];
}
