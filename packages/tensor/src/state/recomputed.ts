import { differentiable } from '../operations/differentiable';
import { tf } from '../tensorflow';
import { backward, inScope, release, type RecordingEngine, type TapeNode } from './backward';

export interface RecomputedOptions<Tensors extends Record<string, tf.Tensor>, T extends tf.Tensor> {
  /** What `compute` reads beside variables: kept for the backward pass. `input` alone gets a gradient. */
  tensors: Tensors & { input: tf.Tensor };
  /** The same each time for the same tensors and variables; keeps no tensor that it makes. */
  compute: (tensors: Tensors & { input: tf.Tensor }) => T;
}

/**
 * What `compute` gives, of which nothing but its inputs is kept for the gradient: the backward pass computes it once more
 * (gradient checkpointing, arXiv 1604.06174). Gradients go to `tensors.input` and to every trainable variable that
 * `compute` uses, the same as without, but for the order of sums where a variable is used elsewhere too. Where nothing is
 * recorded, and inside a gradient of a gradient, it is `compute` alone.
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

/** Runs `compute` on a tape of its own; whatever it makes on the way is freed but for what the tape saves. */
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

/** The variables that recorded operations read and that train, each once, in the order of their first use. */
function trainableIn(tape: readonly TapeNode[]): tf.Variable[] {
  const found = new Set<tf.Variable>();
  for (const { inputs } of tape) {
    for (const input of Object.values(inputs)) {
      if (input instanceof tf.Variable && input.trainable) found.add(input);
    }
  }
  return [...found];
}
