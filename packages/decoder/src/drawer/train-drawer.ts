import { type DecodedImage, RandomStream } from '@subtext/data';
import { AdamW, tf, valueAndGradients } from '@subtext/tensor';

import { DecoderError } from '../errors';
import { Drawer } from './drawer';

/** The defaults of {@link trainDrawer}, shared with configurations. */
export const drawerDefaults = { hiddenWidth: 128, steps: 400, batchSize: 64, learningRate: 0.003 } as const;

/** Options of {@link trainDrawer}. */
export interface TrainDrawerOptions {
  /** The stage of the thoughts. */
  stage: string;
  /** By example: the states of the stage's thoughts, as they are at inference, each `[width]`. */
  thoughts: readonly (readonly Float32Array[])[];
  /** By example: the image. All must have the same size, which drawn images will have too. */
  pictures: readonly DecodedImage[];
  /** @default 128 */
  hiddenWidth?: number;
  /** @default 400 */
  steps?: number;
  /** @default 64 */
  batchSize?: number;
  /** Peak learning rate; it decays to 0 over the second half. @default 0.003 */
  learningRate?: number;
  /** @default 0 */
  seed?: number;
  /** Called after each step. @default none */
  onProgress?: (progress: { step: number; steps: number; loss: number }) => void;
  signal?: AbortSignal;
}

/**
 * Trains a drawer on pairs of thoughts and images; the reasoner is not changed. The loss is the mean cross-entropy
 * between a channel's level y, from 0 to 1, and the drawn one, `−y · log σ(z) − (1 − y) · log(1 − σ(z))`, which is
 * minimal when σ(z) is the mean over images with similar thoughts. Leaves no tensors behind except the drawer's.
 *
 * @throws DecoderError `empty-set` without examples; `invalid-option` if images differ in size; `length-mismatch` if
 *   the numbers of thoughts and images differ, or examples have different numbers of thoughts; `width-mismatch` if
 *   states differ in width
 */
export async function trainDrawer({
  stage,
  thoughts,
  pictures,
  hiddenWidth = drawerDefaults.hiddenWidth,
  steps = drawerDefaults.steps,
  batchSize = drawerDefaults.batchSize,
  learningRate = drawerDefaults.learningRate,
  seed = 0,
  onProgress,
  signal,
}: TrainDrawerOptions): Promise<Drawer> {
  const [first] = thoughts;
  if (first === undefined || first.length === 0)
    throw new DecoderError({
      code: 'empty-set',
      message: `There are no thoughts of the stage "${stage}" to train a drawer on.`,
    });
  if (thoughts.length !== pictures.length)
    throw new DecoderError({
      code: 'length-mismatch',
      message: `${thoughts.length} examples have thoughts, but there are ${pictures.length} images; pass one image per example.`,
    });
  const { height, width } = pictures[0]!;
  const odd = pictures.find((picture) => picture.height !== height || picture.width !== width);
  if (odd)
    throw new DecoderError({
      code: 'invalid-option',
      message: `A drawer needs images of the same size; got ${width} × ${height} and ${odd.width} × ${odd.height} pixels. Resize them (resizeRgb of @subtext/encoders).`,
    });
  const drawer = new Drawer({
    settings: {
      format: 1,
      kind: 'drawer',
      stage,
      thoughts: first.length,
      inputWidth: first[0]!.length,
      hiddenWidth,
      height,
      width,
    },
    seed,
  });
  const { parameters } = drawer;
  const optimizer = new AdamW({ parameters, learningRate, weightDecay: 0.01 });
  const random = new RandomStream({ seed, name: `drawer ${stage}` });
  const pixels = height * width * 3;
  try {
    drawer.stateRows(thoughts);
    for (let step = 0; step < steps; step++) {
      signal?.throwIfAborted();
      const drawn = Array.from({ length: Math.min(batchSize, thoughts.length) }, () => random.integer(thoughts.length));
      const levels = new Float32Array(drawn.length * pixels);
      for (const [row, index] of drawn.entries()) {
        const { data } = pictures[index]!;
        for (let at = 0; at < pixels; at++) levels[row * pixels + at] = data[at]! / 255;
      }
      const states = drawer.stateRows(drawn.map((index) => thoughts[index]!));
      const input = tf.tensor2d(states.values, states.shape);
      const target = tf.tensor2d(levels, [drawn.length, pixels]);
      const { value, gradients } = valueAndGradients({
        parameters,
        compute: () => crossEntropy({ logits: drawer.logits(input), levels: target }),
      });
      optimizer.step({ gradients, learningRate: learningRate * Math.min(1, (2 * (steps - step)) / steps) });
      const loss = (await value.data())[0]!;
      tf.dispose([value, input, target, ...Object.values(gradients)]);
      onProgress?.({ step: step + 1, steps, loss });
    }
    return drawer;
  } catch (error) {
    drawer.dispose();
    throw error;
  } finally {
    optimizer.dispose();
  }
}

/**
 * Mean cross-entropy over all channels, `max(z, 0) − z · y + log(1 + e^(−|z|))`, with the gradient
 * `(σ(z) − y) / count`.
 */
function crossEntropy({ logits, levels }: { logits: tf.Tensor2D; levels: tf.Tensor2D }): tf.Scalar {
  const loss = tf.customGrad((input, save) => {
    const z = input as tf.Tensor;
    (save as (tensors: tf.Tensor[]) => void)([z]);
    const value = tf.mean(tf.add(tf.sub(tf.relu(z), tf.mul(z, levels)), tf.log(tf.add(tf.exp(tf.neg(tf.abs(z))), 1))));
    return {
      value,
      gradFunc: (gradient: tf.Tensor, saved: tf.Tensor[]) =>
        tf.mul(gradient, tf.div(tf.sub(tf.sigmoid(saved[0]!), levels), z.size)),
    };
  });
  return loss(logits) as tf.Scalar;
}
