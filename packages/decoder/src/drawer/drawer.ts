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
 * Draws a stage's thoughts as a picture: `sigmoid(W₃ · gelu(W₂ · gelu(W₁ · [rmsnorm(t₁) … rmsnorm(tₙ)])))`, with biases,
 * each pixel's three channels from a row of `W₃` of their own. It has seen nothing but thoughts and knows no question: what it draws
 * stands in the thoughts, or is the mean of what pictures have in common.
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
    /** Of the first weights. @default 0 */
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

  /** Loads a drawer's folder, or one of the hub. Throws `not-a-drawer`, and HubError. */
  static async load(options: {
    /** A folder, or an id of the Hugging Face Hub. */
    folder: string;
    /** How an id of the hub is resolved: revision, token, progress. */
    hub?: HubOptions;
  }): Promise<Drawer> {
    const folder = await resolveModelFolder({ ...options.hub, folder: options.folder });
    const settings = await readDrawerSettings({ path: join(folder, 'subtext.json'), folder });
    const weights = await openSafetensors({ path: join(folder, WEIGHTS) });
    try {
      // Before anything of that size is made.
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

  /** Writes the folder: `model.safetensors`, and `subtext.json`. */
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

  /** What is drawn of an answer: the states of its stage's thoughts. Throws `unknown-stage` where it has none. */
  statesOf({ thoughts }: { thoughts: readonly Thought[] }): Float32Array[] {
    const { stage } = this.settings;
    const states = thoughts.filter((thought) => thought.stage === stage).map(({ hidden }) => hidden);
    if (states.length > 0) return states;
    const hidden = [...new Set(thoughts.map((thought) => thought.stage))].join(', ');
    throw new DecoderError({
      code: 'unknown-stage',
      message: `The drawer draws thoughts of the stage "${stage}", of which the answer has none; it has thoughts of: ${hidden || 'no stage'}. Take the drawer of the same reasoner.`,
    });
  }

  /**
   * Draws thoughts, each example's as one picture.
   *
   * @throws DecoderError `length-mismatch` for another number of thoughts than it was trained on, `width-mismatch` for
   *   states of another width
   */
  async draw({
    thoughts,
    batchSize = 64,
  }: {
    /** By example: the states of its stage's thoughts in order, each `[inputWidth]`. */
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

  /** Thoughts one after the other in a row for each example. Throws as {@link draw}. */
  stateRows(examples: readonly (readonly Float32Array[])[]): { values: Float32Array; shape: [number, number] } {
    const { thoughts: count, inputWidth, stage } = this.settings;
    const values = new Float32Array(examples.length * count * inputWidth);
    for (const [row, states] of examples.entries()) {
      if (states.length !== count)
        throw new DecoderError({
          code: 'length-mismatch',
          message: `The drawer was trained on ${count} thoughts of the stage "${stage}", and was given ${states.length}. Give it all of the stage's thoughts, of the same reasoner.`,
        });
      for (const [index, state] of states.entries()) {
        if (state.length !== inputWidth)
          throw new DecoderError({
            code: 'width-mismatch',
            message: `A thought has ${state.length} numbers; this drawer was trained on thoughts of ${inputWidth}. Take the drawer of the same reasoner.`,
          });
        values.set(state, (row * count + index) * inputWidth);
      }
    }
    return { values, shape: [examples.length, count * inputWidth] };
  }

  /** Rows of thoughts `[batch, thoughts · inputWidth]` to pixels before the sigmoid, `[batch, height · width · 3]`. */
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

/** The largest of the weights' shapes by name: what a file must hold before anything is made of its settings. */
function shapesOf({ thoughts, inputWidth, hiddenWidth, height, width }: DrawerSettings): Record<string, number[]> {
  return {
    'norm.weight': [inputWidth],
    'hidden_1.weight': [hiddenWidth, thoughts * inputWidth],
    'hidden_2.weight': [hiddenWidth, hiddenWidth],
    'pixels.weight': [height * width * 3, hiddenWidth],
  };
}
