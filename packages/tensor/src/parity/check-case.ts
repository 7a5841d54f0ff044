import { tf } from '../tensorflow';
import { InputMaker, size, toTensor, type ParityCase } from './parity-case';

/** Tolerance of float32 results against float64, relative to 1 + the magnitude of the value. */
const valueTolerance = 2e-5;
const gradientTolerance = 5e-5;

/** Up to this input size every gradient entry is checked; larger inputs are checked along random directions. */
const fullCheckLimit = 320;
const directions = 2;

/** Step of the float64 central differences; relative error about 1e-10. */
const step = 1e-5;

/** Result of a case on an engine. */
export interface CaseResult {
  name: string;
  /** Failures; empty if the case passed. */
  faults: string[];
  /** Largest deviation relative to its tolerance: above 1 is a failure. */
  worst: number;
}

/** Runs a case on the engine in use: compares values with the reference and gradients with finite differences, and checks for leaks. */
export async function checkCase(parityCase: ParityCase): Promise<CaseResult> {
  const { name, inputs, run, reference } = parityCase;
  const result: CaseResult = { name, faults: [], worst: 0 };
  const before = tf.memory().numTensors;
  const tensors = Object.fromEntries(Object.entries(inputs).map(([key, input]) => [key, toTensor(input)]));
  try {
    const values = Object.fromEntries(Object.entries(inputs).map(([key, input]) => [key, input.values]));
    const expected = reference(values);
    const output = tf.tidy(() => run(tensors));
    compare(result, 'value', await output.data(), expected, valueTolerance);
    const weights = new InputMaker(size(output.shape)).float(output.shape);
    output.dispose();
    await checkGradients({
      parityCase,
      tensors,
      values,
      weights: toTensor(weights),
      weightValues: weights.values,
      result,
    });
  } catch (error) {
    result.faults.push(`threw ${error instanceof Error ? error.message : String(error)}`);
    result.worst = Infinity;
  }
  tf.dispose(tensors);
  const left = tf.memory().numTensors - before;
  if (left !== 0) {
    result.faults.push(`left ${left} tensors behind`);
    result.worst = Infinity;
  }
  return result;
}

async function checkGradients({
  parityCase: { inputs, run, reference },
  tensors,
  values,
  weights,
  weightValues,
  result,
}: {
  parityCase: ParityCase;
  tensors: Record<string, tf.Tensor>;
  values: Record<string, Float64Array>;
  weights: tf.Tensor;
  weightValues: Float64Array;
  result: CaseResult;
}): Promise<void> {
  const names = Object.keys(inputs).filter((name) => inputs[name]!.differentiable);
  const { value, grads } = tf.engine().gradients(
    () => tf.sum(tf.mul(run(tensors), weights)),
    names.map((name) => tensors[name]!),
  );
  value.dispose();
  weights.dispose();
  const weighted = (changed: Record<string, Float64Array>) =>
    reference(changed).reduce((sum, x, index) => sum + x * weightValues[index]!, 0);
  const directionalDerivative = (name: string, direction: Float64Array) => {
    const moved = (sign: number) =>
      weighted({ ...values, [name]: values[name]!.map((x, index) => x + sign * step * direction[index]!) });
    return (moved(1) - moved(-1)) / (2 * step);
  };
  for (const [position, name] of names.entries()) {
    const gradient = await grads[position]!.data();
    grads[position]!.dispose();
    const length = values[name]!.length;
    if (gradient.length !== length) {
      result.faults.push(`gradient of ${name} has ${gradient.length} numbers instead of ${length}`);
      continue;
    }
    if (length <= fullCheckLimit) {
      const expected = values[name]!.map((_, index) =>
        directionalDerivative(
          name,
          Float64Array.from({ length }, (_, other) => (other === index ? 1 : 0)),
        ),
      );
      compare(result, `gradient of ${name}`, gradient, expected, gradientTolerance);
    } else {
      const make = new InputMaker(length);
      for (let count = 0; count < directions; count++) {
        // Unit length, so that rounding errors of single entries average out and tolerances keep their meaning.
        const direction = make.float([length], { deviation: 1 / Math.sqrt(length) }).values;
        const along = direction.reduce((sum, x, index) => sum + x * gradient[index]!, 0);
        compare(
          result,
          `gradient of ${name} along a direction`,
          [along],
          Float64Array.of(directionalDerivative(name, direction)),
          gradientTolerance,
        );
      }
    }
  }
}

/** Records the largest deviation, and a failure if it exceeds the tolerance. */
export function compare(
  result: CaseResult,
  what: string,
  actual: ArrayLike<number>,
  expected: Float64Array,
  tolerance: number,
): void {
  if (actual.length !== expected.length) {
    result.faults.push(`${what} has ${actual.length} numbers instead of ${expected.length}`);
    result.worst = Infinity;
    return;
  }
  let worst = 0;
  let worstAt = 0;
  for (let index = 0; index < expected.length; index++) {
    const deviation = Math.abs(actual[index]! - expected[index]!) / (tolerance * (1 + Math.abs(expected[index]!)));
    // A NaN is never within tolerance.
    if (!(deviation <= worst)) {
      worst = Number.isNaN(deviation) ? Infinity : deviation;
      worstAt = index;
    }
  }
  result.worst = Math.max(result.worst, worst);
  if (worst > 1) {
    result.faults.push(`${what}[${worstAt}] is ${actual[worstAt]} instead of ${expected[worstAt]}`);
  }
}
