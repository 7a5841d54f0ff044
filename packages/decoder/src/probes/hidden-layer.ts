import { RandomStream } from '@subtext/core';

/** Options of {@link fitHiddenLayer}. */
export interface HiddenLayerOptions {
  /** Standardised, flat: `[rows, width]`. */
  features: Float64Array;
  width: number;
  /** By row, its class. */
  targets: Int32Array;
  classes: number;
  /** Rows learned from, and rows by whose likelihood it is told when to stop. */
  training: readonly number[];
  heldOut: readonly number[];
  /** Hidden units. */
  units: number;
  seed: number;
}

/** Updates, and rows of each; the highest rate, which falls to 0 in a straight line; the decay of weights, times the rate. */
const [updates, batchRows, highestRate, decay] = [2000, 64, 0.003, 0.1];

/** Updates between two looks at the held-out rows. */
const lookEvery = 50;

/**
 * A network of one hidden layer from states to class scores, `B·relu(A·x + a) + b`, by AdamW on the cross-entropy with the
 * classes: of the weights on the way, those under which the held-out rows are likeliest.
 *
 * @returns gives the scores of standardised features `[width]`, by class
 */
export function fitHiddenLayer({
  features,
  width,
  targets,
  classes,
  training,
  heldOut,
  units,
  seed,
}: HiddenLayerOptions): (input: ArrayLike<number>) => number[] {
  const random = new RandomStream({ seed, name: 'hidden layer' });
  const [inStride, outStride] = [width + 1, units + 1];
  const outStart = units * inStride;
  const weights = new Float64Array(outStart + classes * outStride);
  for (let place = 0; place < outStart; place++) weights[place] = random.normal() / Math.sqrt(width);
  const gradient = new Float64Array(weights.length);
  const [first, second] = [new Float64Array(weights.length), new Float64Array(weights.length)];
  const hidden = new Float64Array(units);
  const scores = new Float64Array(classes);

  /** Fills `hidden` and `scores` from a state that starts at `at`. */
  const forward = (values: ArrayLike<number>, at: number, by: Float64Array) => {
    for (let unit = 0; unit < units; unit++) {
      let sum = by[unit * inStride + width]!;
      for (let place = 0; place < width; place++) sum += by[unit * inStride + place]! * values[at + place]!;
      hidden[unit] = Math.max(0, sum);
    }
    for (let label = 0; label < classes; label++) {
      let sum = by[outStart + label * outStride + units]!;
      for (let unit = 0; unit < units; unit++) sum += by[outStart + label * outStride + unit]! * hidden[unit]!;
      scores[label] = sum;
    }
  };
  /** Turns `scores` into probabilities, and gives the target's loss in nats. */
  const loss = (target: number) => {
    const largest = Math.max(...scores);
    const own = scores[target]! - largest;
    let total = 0;
    for (let label = 0; label < classes; label++) total += scores[label] = Math.exp(scores[label]! - largest);
    for (let label = 0; label < classes; label++) scores[label]! /= total;
    return Math.log(total) - own;
  };
  const backward = (row: number, share: number) => {
    forward(features, row * width, weights);
    loss(targets[row]!);
    for (let label = 0; label < classes; label++) {
      scores[label] = (scores[label]! - (label === targets[row] ? 1 : 0)) * share;
      const start = outStart + label * outStride;
      for (let unit = 0; unit < units; unit++) gradient[start + unit]! += scores[label]! * hidden[unit]!;
      gradient[start + units]! += scores[label]!;
    }
    for (let unit = 0; unit < units; unit++) {
      if (hidden[unit] === 0) continue;
      let error = 0;
      for (let label = 0; label < classes; label++)
        error += scores[label]! * weights[outStart + label * outStride + unit]!;
      const start = unit * inStride;
      for (let place = 0; place < width; place++) gradient[start + place]! += error * features[row * width + place]!;
      gradient[start + width]! += error;
    }
  };

  const heldOutLoss = () =>
    heldOut.reduce((sum, row) => {
      forward(features, row * width, weights);
      return sum + loss(targets[row]!);
    }, 0);
  let best = { loss: heldOutLoss(), weights: weights.slice() };
  let waiting: number[] = [];
  for (let update = 1; update <= updates; update++) {
    if (waiting.length === 0) waiting = random.shuffle(training);
    const rows = waiting.splice(0, batchRows);
    gradient.fill(0);
    for (const row of rows) backward(row, 1 / rows.length);
    const rate = highestRate * (1 - (update - 1) / updates);
    const [firstShare, secondShare] = [1 - 0.9 ** update, 1 - 0.999 ** update];
    for (let place = 0; place < weights.length; place++) {
      const slope = gradient[place]!;
      first[place] = 0.9 * first[place]! + 0.1 * slope;
      second[place] = 0.999 * second[place]! + 0.001 * slope * slope;
      const [mean, square] = [first[place]! / firstShare, second[place]! / secondShare];
      weights[place]! -= rate * (mean / (Math.sqrt(square) + 1e-8) + decay * weights[place]!);
    }
    if (update % lookEvery > 0) continue;
    const found = heldOutLoss();
    if (found < best.loss) best = { loss: found, weights: weights.slice() };
  }
  return (input) => {
    forward(input, 0, best.weights);
    return [...scores];
  };
}
