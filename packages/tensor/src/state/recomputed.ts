import { differentiable } from '../operations/differentiable';
import { tf } from '../tensorflow';
import { backward, inScope, release, type RecordingEngine, type TapeNode } from './backward';

export interface RecomputedOptions<Tensors extends Record<string, tf.Tensor>, T extends tf.Tensor> {
  /** Inputs of `compute` other than variables, saved for the backward pass. Only `input` gets a gradient. */
  tensors: Tensors & { input: tf.Tensor };
  /** Must be deterministic and must not keep tensors that it creates. */
  compute: (tensors: Tensors & { input: tf.Tensor }) => T;
}

/**
 * Gradient checkpointing (arXiv 1604.06174): runs `compute` saving only its inputs, and computes it again in the backward
 * pass. Gradients flow to `tensors.input` and to every trainable variable that `compute` uses, the same as without
 * checkpointing except for the order of summation if a variable is also used elsewhere. Without a recording tape, and
 * inside nested gradients, it just calls `compute`.
 */
export function recomputed<Tensors extends Record<string, tf.Tensor>, T extends tf.Tensor>({
  tensors,
  compute,
}: RecomputedOptions<Tensors, T>): T {
  if (!tf.engine().isTapeOn()) return compute(tensors);
  const first = recorded(() => compute(tensors));
  const variables = trainableIn(first.tape);
  first.tape.forEach(release);
  const names = Object.keys(tensors);
  const { input } = tensors;
  return differentiable<T>({
    inputs: { input, ...Object.fromEntries(variables.map((variable, index) => [`variable${index}`, variable])) },
    forward: (save) => {
      save(names.map((name) => tensors[name]!));
      return first.value;
    },
    gradients: (gradient, saved) => {
      let found: (tf.Tensor | null)[] | undefined;
      const all = () => (found ??= again(gradient, saved));
      return {
        input: () => all()[0] ?? tf.zerosLike(input),
        ...Object.fromEntries(
          variables.map((variable, index) => [`variable${index}`, () => all()[index + 1] ?? tf.zerosLike(variable)]),
        ),
      };
    },
  });

  function again(gradient: T, saved: tf.Tensor[]): (tf.Tensor | null)[] {
    const kept = Object.fromEntries(names.map((name, index) => [name, saved[index]!])) as typeof tensors;
    const { value, tape } = recorded(() => compute(kept));
    try {
      return inScope(() => backward(tape, [kept.input, ...variables], value, gradient));
    } finally {
      tape.forEach(release);
      value.dispose();
    }
  }
}

/** Runs `compute` on a separate tape; intermediate tensors are freed unless the tape saves them. */
function recorded<T extends tf.Tensor>(compute: () => T): { value: T; tape: TapeNode[] } {
  const engine = tf.engine() as unknown as RecordingEngine;
  const { state } = engine;
  const outer = state.activeTape;
  const tape: TapeNode[] = [];
  state.activeTape = tape;
  state.gradientDepth++;
  try {
    return { value: tf.tidy(compute), tape };
  } catch (error) {
    tape.forEach(release);
    throw error;
  } finally {
    state.gradientDepth--;
    state.activeTape = outer;
  }
}

/** The trainable variables read by recorded operations, in order of first use. */
function trainableIn(tape: readonly TapeNode[]): tf.Variable[] {
  const found = new Set<tf.Variable>();
  for (const { inputs } of tape) {
    for (const input of Object.values(inputs)) {
      if (input instanceof tf.Variable && input.trainable) found.add(input);
    }
  }
  return [...found];
}
