import { writeFileAtomically } from '@subtext/core/node';
import type { DecodedImage } from '@subtext/data';
import { type HubOptions, resolveModelFolder } from '@subtext/hub';
import { initialiseWeights, LinearLayer, ModelStructure, RmsNormLayer } from '@subtext/nn';
import type { Thought } from '@subtext/reasoner';
import { openSafetensors, writeSafetensors } from '@subtext/safetensors';
import { Parameters, tf } from '@subtext/tensor';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { DecoderError } from '../errors';
import { type DrawerSettings, readDrawerSettings } from './drawer-settings';

const WEIGHTS = 'model.safetensors';

/**
 * Draws a stage's thoughts as an image: `sigmoid(W₃ · gelu(W₂ · gelu(W₁ · [rmsnorm(t₁) … rmsnorm(tₙ)])))`, with biases;
 * each pixel's three channels have their own rows of `W₃`. It receives only thoughts, not the question: whatever it
 * draws is either in the thoughts or the average of the training images.
 */
export class Drawer {
  readonly settings: DrawerSettings;
  readonly parameters = new Parameters();
  readonly #norm: RmsNormLayer;
  readonly #hidden: LinearLayer[];
  readonly #pixels: LinearLayer;

  constructor({
    settings,
    seed = 0,
  }: {
    settings: DrawerSettings;
    /** Seed of the initial weights. @default 0 */
    seed?: number;
  }) {
    this.settings = settings;
    const { thoughts, inputWidth, hiddenWidth, height, width } = settings;
    const structure = new ModelStructure({ parameters: this.parameters });
    const scope = structure.scope();
    this.#norm = new RmsNormLayer({ scope: scope.child('norm'), width: inputWidth, epsilon: 1e-6 });
    const layer = (name: string, from: number, to: number) =>
      new LinearLayer({
        scope: scope.child(name),
        inputWidth: from,
        outputWidth: to,
        initialisation: { kind: 'normal', deviation: 1 / Math.sqrt(from) },
      });
    this.#hidden = [layer('hidden_1', thoughts * inputWidth, hiddenWidth), layer('hidden_2', hiddenWidth, hiddenWidth)];
    this.#pixels = layer('pixels', hiddenWidth, height * width * 3);
    initialiseWeights({ structure, seed });
  }

  /** Loads a drawer from a folder or the Hub. Throws `not-a-drawer`, and HubError. */
  static async load(options: {
    /** A folder or a Hugging Face Hub id. */
    folder: string;
    /** Hub options: revision, token, progress. */
    hub?: HubOptions;
  }): Promise<Drawer> {
    const folder = await resolveModelFolder({ ...options.hub, folder: options.folder });
    const settings = await readDrawerSettings({ path: join(folder, 'subtext.json'), folder });
    const weights = await openSafetensors({ path: join(folder, WEIGHTS) });
    try {
      // Check before allocating.
      for (const [name, shape] of Object.entries(shapesOf(settings)))
        if (!weights.names.includes(name) || weights.entry(name).shape.join() !== shape.join())
          throw new DecoderError({
            code: 'not-a-drawer',
            message: `${join(folder, WEIGHTS)} has no ${name} of [${shape.join(', ')}], as its subtext.json says.`,
          });
      const drawer = new Drawer({ settings });
      for (const [name, variable] of drawer.parameters.entries()) {
        const values = await weights.readFloat32(name);
        tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
      }
      return drawer;
    } finally {
      await weights.close();
    }
  }

  /** Saves `model.safetensors` and `subtext.json`. */
  async save({ folder }: { folder: string }): Promise<void> {
    await mkdir(folder, { recursive: true });
    const tensors = this.parameters
      .entries()
      .map(
        async ([name, variable]) =>
          [
            name,
            { dtype: 'F32' as const, shape: variable.shape, data: (await variable.data()) as Float32Array },
          ] as const,
      );
    await writeSafetensors({ path: join(folder, WEIGHTS), tensors: Object.fromEntries(await Promise.all(tensors)) });
    await writeFileAtomically({
      path: join(folder, 'subtext.json'),
      data: `${JSON.stringify(this.settings, null, 2)}\n`,
    });
  }

  /** The thoughts to draw from an answer: the states of its stage. Throws `unknown-stage` if it has none. */
  statesOf({ thoughts }: { thoughts: readonly Thought[] }): Float32Array[] {
    const { stage } = this.settings;
    const states = thoughts.filter((thought) => thought.stage === stage).map(({ hidden }) => hidden);
    if (states.length > 0) return states;
    const hidden = [...new Set(thoughts.map((thought) => thought.stage))].join(', ');
    throw new DecoderError({
      code: 'unknown-stage',
      message: `The drawer draws the stage "${stage}", but the answer has no thoughts of it; it has thoughts of: ${hidden || 'no stage'}. Use the drawer of the same reasoner.`,
    });
  }

  /**
   * Draws the thoughts of a batch of examples, one image each.
   *
   * @throws DecoderError `length-mismatch` if the number of thoughts differs from training, `width-mismatch` if their
   *   width does
   */
  async draw({
    thoughts,
    batchSize = 64,
  }: {
    /** By example: the states of the stage's thoughts in order, each `[inputWidth]`. */
    thoughts: readonly (readonly Float32Array[])[];
    /** @default 64 */
    batchSize?: number;
  }): Promise<DecodedImage[]> {
    const { height, width } = this.settings;
    const pictures: DecodedImage[] = [];
    for (let start = 0; start < thoughts.length; start += batchSize) {
      const states = this.stateRows(thoughts.slice(start, start + batchSize));
      const levels = tf.tidy(() => tf.sigmoid(this.logits(tf.tensor2d(states.values, states.shape))));
      const values = await levels.data();
      levels.dispose();
      const size = height * width * 3;
      for (let row = 0; row < states.shape[0]; row++)
        pictures.push({
          width,
          height,
          data: Uint8Array.from(values.subarray(row * size, (row + 1) * size), (level) => Math.round(255 * level)),
        });
    }
    return pictures;
  }

  /** Concatenates each example's thoughts to a row. Throws as {@link draw} does. */
  stateRows(examples: readonly (readonly Float32Array[])[]): { values: Float32Array; shape: [number, number] } {
    const { thoughts: count, inputWidth, stage } = this.settings;
    const values = new Float32Array(examples.length * count * inputWidth);
    for (const [row, states] of examples.entries()) {
      if (states.length !== count)
        throw new DecoderError({
          code: 'length-mismatch',
          message: `The drawer was trained on ${count} thoughts of the stage "${stage}", but got ${states.length}. Pass all thoughts of the stage, from the same reasoner.`,
        });
      for (const [index, state] of states.entries()) {
        if (state.length !== inputWidth)
          throw new DecoderError({
            code: 'width-mismatch',
            message: `A thought has width ${state.length}, but this drawer was trained on width ${inputWidth}. Use the drawer of the same reasoner.`,
          });
        values.set(state, (row * count + index) * inputWidth);
      }
    }
    return { values, shape: [examples.length, count * inputWidth] };
  }

  /** Pixel logits, before the sigmoid: `[batch, thoughts · inputWidth]` to `[batch, height · width · 3]`. */
  logits(states: tf.Tensor2D): tf.Tensor2D {
    const { thoughts, inputWidth } = this.settings;
    const batch = states.shape[0];
    const normed = this.#norm.apply({ input: tf.reshape(states, [batch * thoughts, inputWidth]) as tf.Tensor2D });
    let output = tf.reshape(normed, [batch, thoughts * inputWidth]) as tf.Tensor2D;
    for (const layer of this.#hidden) output = layer.apply({ input: output, activation: 'gelu' });
    return this.#pixels.apply({ input: output });
  }

  dispose(): void {
    this.parameters.dispose();
  }
}

/**
 * Shapes of the largest weights by name, which the file is checked for before anything is allocated from its settings.
 */
function shapesOf({ thoughts, inputWidth, hiddenWidth, height, width }: DrawerSettings): Record<string, number[]> {
  return {
    'norm.weight': [inputWidth],
    'hidden_1.weight': [hiddenWidth, thoughts * inputWidth],
    'hidden_2.weight': [hiddenWidth, hiddenWidth],
    'pixels.weight': [height * width * 3, hiddenWidth],
  };
}
