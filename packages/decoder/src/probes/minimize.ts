/** A function of a vector with its gradient. */
export type Objective = (point: Float64Array, gradient: Float64Array) => number;

/**
 * Minimises a smooth convex function with L-BFGS (Liu and Nocedal, 1989) and backtracking line search. Deterministic.
 */
export function minimize({
  objective,
  start,
  iterations,
  tolerance = 1e-5,
  memory = 8,
}: {
  objective: Objective;
  start: Float64Array;
  iterations: number;
  /** Stops when the gradient norm is below this. @default 1e-5 */ tolerance?: number;
  /** @default 8 */ memory?: number;
}): { point: Float64Array; value: number; iterations: number } {
  const size = start.length;
  let point = Float64Array.from(start);
  let gradient = new Float64Array(size);
  let value = objective(point, gradient);
  const history: { step: Float64Array; change: Float64Array; scale: number }[] = [];
  for (let iteration = 0; iteration < iterations; iteration++) {
    if (Math.sqrt(dot(gradient, gradient)) < tolerance) return { point, value, iterations: iteration };
    const direction = descentDirection(gradient, history);
    let slope = dot(direction, gradient);
    if (slope >= 0) {
      history.length = 0;
      direction.set(gradient.map((part) => -part));
      slope = -dot(gradient, gradient);
    }
    // The first step has no curvature estimate: limit its length to 1.
    let length = history.length === 0 ? Math.min(1, 1 / Math.sqrt(-slope)) : 1;
    let next = point;
    let nextGradient = gradient;
    let nextValue = Infinity;
    for (let halving = 0; halving < 40; halving++, length /= 2) {
      next = point.map((part, index) => part + length * (direction[index] as number));
      nextGradient = new Float64Array(size);
      nextValue = objective(next, nextGradient);
      // Armijo's condition of sufficient decrease.
      if (nextValue <= value + 1e-4 * length * slope) break;
    }
    if (!(nextValue < value)) return { point, value, iterations: iteration };
    const step = next.map((part, index) => part - (point[index] as number));
    const change = nextGradient.map((part, index) => part - (gradient[index] as number));
    const curvature = dot(step, change);
    if (curvature > 1e-12) {
      history.push({ step, change, scale: 1 / curvature });
      if (history.length > memory) history.shift();
    }
    [point, gradient, value] = [next, nextGradient, nextValue];
  }
  return { point, value, iterations };
}

function descentDirection(
  gradient: Float64Array,
  history: { step: Float64Array; change: Float64Array; scale: number }[],
): Float64Array {
  const direction = gradient.map((part) => -part);
  const factors: number[] = [];
  for (const { step, change, scale } of [...history].reverse()) {
    const factor = scale * dot(step, direction);
    factors.unshift(factor);
    add(direction, change, -factor);
  }
  const last = history.at(-1);
  if (last !== undefined) {
    const size = 1 / (last.scale * dot(last.change, last.change));
    for (let index = 0; index < direction.length; index++) direction[index] = (direction[index] as number) * size;
  }
  for (const [index, { step, change, scale }] of history.entries())
    add(direction, step, (factors[index] as number) - scale * dot(change, direction));
  return direction;
}

function dot(left: Float64Array, right: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < left.length; index++) sum += (left[index] as number) * (right[index] as number);
  return sum;
}

function add(target: Float64Array, other: Float64Array, factor: number): void {
  for (let index = 0; index < target.length; index++)
    target[index] = (target[index] as number) + factor * (other[index] as number);
}
