import type { LanguageModel } from '@subtext/model';
import { drawInitialValues, type Initialisation } from '@subtext/nn';
import { openSafetensors, SafetensorsError, type SafetensorsFile, writeSafetensors } from '@subtext/safetensors';
import { layerNorm, linear, Parameters, tf } from '@subtext/tensor';
import { access } from 'node:fs/promises';
import { join } from 'node:path';

import { ReasonerError } from '../errors';
import { latentHeadShapes, type PredictedLatents, predictLatents } from './latent-head';

/** PyTorch's default, which CODI's release takes. */
const epsilon = 1e-5;

/** The tensors of a projection by name, with their shapes by the model's width and the width between the layers. */
const shapes = (width: number, inner: number): Readonly<Record<string, readonly number[]>> => ({
  'hidden.weight': [inner, width],
  'hidden.bias': [inner],
  'output.weight': [width, inner],
  'output.bias': [width],
  'norm.weight': [width],
  'norm.bias': [width],
});

const normNames = ['norm.weight', 'norm.bias'];
const matrixName = 'matrix.weight';
/** Which maps have it are latent heads. */
const meanName = 'mean.weight';

/** What `subtext.json` says of a map; its numbers lie beside it in `feedback.safetensors`. */
export interface FeedbackSettings {
  kind: 'projection' | 'matrix' | 'mixture' | 'latent-head';
}

/** Where a reasoner's folder has its map. */
export const feedbackFile = 'feedback.safetensors';

/**
 * What a state `h` goes through before it is fed back. Without a map a state is fed back as it is (Coconut).
 *
 * - `projection`: CODI's (arXiv 2502.21074, `prj` of its release), `LayerNorm(output · gelu(hidden · h + b) + b′)`, the norm
 *   (ε 1e-5) where it has one and the gelu exact.
 * - `matrix`: `matrix · h`, which is added to a thinking token's embedding (`heima` with `feedBack`).
 * - `mixture`: `Σ_v p_v e_v`, all embeddings by what the state says of the next token, `p = softmax(logits(h))` (CoT2, arXiv
 *   2505.23648). It has no numbers of its own.
 * - `latent-head`: the mean of what a latent head predicts from `h` (CoLaR, {@link predictLatents}).
 */
export class FeedbackMap {
  /** `hidden.*`, `output.*` and, where there is a norm, `norm.*`; or `matrix.weight`, `[width, width]`; or a latent head's. */
  readonly parameters: Parameters;
  /** Of a mixture and of a latent head: the model whose embeddings are mixed or predicted. Not the map's own. */
  readonly #model?: LanguageModel;

  private constructor(parameters: Parameters, model?: LanguageModel) {
    this.parameters = parameters;
    this.#model = model;
  }

  /** The model's width, which goes in and comes out. */
  get width(): number {
    if (this.#model) return this.#model.dimensions.width;
    return this.parameters.get(this.#isMatrix ? matrixName : 'hidden.weight').shape[1]!;
  }

  get settings(): FeedbackSettings {
    if (this.#isHead) return { kind: 'latent-head' };
    if (this.#model) return { kind: 'mixture' };
    return { kind: this.#isMatrix ? 'matrix' : 'projection' };
  }

  get #isHead(): boolean {
    return this.parameters.has(meanName);
  }

  get #isMatrix(): boolean {
    return this.parameters.has(matrixName);
  }

  /** A matrix of zeros: at first nothing is added, and training starts from the model without it. */
  static createMatrix({ width }: { width: number }): FeedbackMap {
    const parameters = new Parameters();
    parameters.add({ name: matrixName, value: tf.zeros([width, width]) });
    return new FeedbackMap(parameters);
  }

  /** The mixture of a model's embeddings. */
  static createMixture({ model }: { model: LanguageModel }): FeedbackMap {
    return new FeedbackMap(new Parameters(), model);
  }

  /** A latent head for a model, twice as wide between its layers, drawn as PyTorch draws linear layers. */
  static createHead({ model, seed }: { model: LanguageModel; seed: number }): FeedbackMap {
    const { width } = model.dimensions;
    const parameters = new Parameters();
    for (const [name, shape] of Object.entries(latentHeadShapes(width, 2 * width)))
      parameters.add({ name, value: tf.zeros([...shape]) });
    const head = new FeedbackMap(parameters, model);
    try {
      return head.redrawn({ seed });
    } finally {
      head.dispose();
    }
  }

  /** The map of a folder that has one. @throws ReasonerError `not-a-reasoner`, SafetensorsError */
  static async find(options: { folder: string; model: LanguageModel }): Promise<FeedbackMap | undefined> {
    const isThere = await access(join(options.folder, feedbackFile)).then(
      () => true,
      () => false,
    );
    return isThere ? FeedbackMap.load(options) : undefined;
  }

  /** Reads `feedback.safetensors` of a reasoner's folder. @throws ReasonerError `not-a-reasoner`, SafetensorsError */
  static async load({ folder, model }: { folder: string; model: LanguageModel }): Promise<FeedbackMap> {
    const path = join(folder, feedbackFile);
    const file = await openSafetensors({ path }).catch((cause: unknown) => {
      if (!SafetensorsError.isInstance(cause) || cause.code !== 'not-found') throw cause;
      throw new ReasonerError({
        code: 'not-a-reasoner',
        message: `${folder} has no ${feedbackFile}, though its subtext.json says that states go through a map before they are fed back. Copy the whole folder.`,
        cause,
      });
    });
    const { width } = model.dimensions;
    return FeedbackMap.read({ file, path, width, model }).finally(() => file.close());
  }

  /** Reads a map's tensors from any file. @throws ReasonerError `not-a-reasoner`, SafetensorsError */
  static async read({
    file,
    path,
    width,
    model,
    nameIn = (name) => name,
  }: {
    file: SafetensorsFile;
    /** For errors. */ path: string;
    /** Of the model. */ width: number;
    /** Whose thoughts a latent head predicts. @default none: a latent head is refused */ model?: LanguageModel;
    /** What a tensor is called in the file. @default as here */ nameIn?: (name: string) => string;
  }): Promise<FeedbackMap> {
    const parameters = new Parameters();
    const shapeOf = (name: string) => (file.has(nameIn(name)) ? file.entry(nameIn(name)).shape : undefined);
    try {
      const inner = shapeOf('hidden.weight')?.[0] ?? 0;
      const withNorm = normNames.some((name) => shapeOf(name));
      const isHead = model !== undefined && shapeOf(meanName) !== undefined;
      const layers = isHead ? latentHeadShapes(width, inner) : shapes(width, inner);
      const wanted = shapeOf(matrixName) ? { [matrixName]: [width, width] } : layers;
      for (const [name, shape] of Object.entries(wanted)) {
        if (!withNorm && normNames.includes(name)) continue;
        const found = shapeOf(name);
        if (found?.join() !== shape.join())
          throw new ReasonerError({
            code: 'not-a-reasoner',
            message: `${path}: ${nameIn(name)} is ${found === undefined ? 'missing' : `[${found.join(', ')}]`}; a model of width ${width} needs [${shape.join(', ')}].`,
          });
        parameters.add({ name, value: tf.tensor(await file.readFloat32(nameIn(name)), [...shape], 'float32') });
      }
    } catch (error) {
      parameters.dispose();
      throw error;
    }
    return new FeedbackMap(parameters, parameters.has(meanName) ? model : undefined);
  }

  /** A map of the same shape whose weights are drawn anew, as PyTorch draws linear layers: evenly within 1/√(inputs). */
  redrawn({
    seed,
    model = this.#model,
  }: {
    seed: number;
    /** Of a latent head: whose thoughts it predicts. @default that of this one */ model?: LanguageModel;
  }): FeedbackMap {
    if (this.#model && !this.#isHead) return this;
    const parameters = new Parameters();
    for (const [name, { shape }] of this.parameters.entries()) {
      const inputs = this.parameters.get(name.replace('.bias', '.weight')).shape[1];
      const initialisation: Initialisation =
        inputs === undefined
          ? { kind: name === 'norm.weight' ? 'ones' : 'zeros' }
          : { kind: 'uniform', limit: 1 / Math.sqrt(inputs) };
      parameters.add({ name, value: drawInitialValues({ initialisation, shape, seed, name: `feedback.${name}` }) });
    }
    return new FeedbackMap(parameters, this.#isHead ? model : undefined);
  }

  /** Writes `feedback.safetensors`, in float32; nothing where there are no numbers. */
  async save({ folder }: { folder: string }): Promise<void> {
    if (this.settings.kind === 'mixture') return;
    const tensors = new Map<string, { dtype: 'F32'; shape: number[]; data: Float32Array }>();
    for (const [name, variable] of this.parameters.entries())
      tensors.set(name, { dtype: 'F32', shape: [...variable.shape], data: (await variable.data()) as Float32Array });
    await writeSafetensors({ path: join(folder, feedbackFile), tensors });
  }

  /** `[..., width]` to the same: what is fed back of these states. */
  apply<Shape extends tf.Tensor>(states: Shape): Shape {
    const model = this.#model;
    if (this.#isHead)
      return tf.tidy(() => {
        const { mean, scale } = this.predict(states);
        return tf.mul(mean, scale) as Shape;
      });
    if (model) return tf.tidy(() => mixEmbeddings({ model, states }) as Shape);
    const value = (name: string) => this.parameters.get(name) as tf.Tensor;
    return tf.tidy(() => {
      const layer = (name: string, input: tf.Tensor, activation: 'gelu' | 'none') =>
        linear({
          input,
          weight: value(`${name}.weight`) as tf.Tensor2D,
          bias: value(`${name}.bias`) as tf.Tensor1D,
          layout: 'out-in',
          activation,
        });
      if (this.#isMatrix) return linear({ input: states, weight: value(matrixName) as tf.Tensor2D, layout: 'out-in' });
      const output = layer('output', layer('hidden', states, 'gelu'), 'none');
      if (!this.parameters.has('norm.weight')) return output;
      return layerNorm({
        input: output,
        scale: value('norm.weight') as tf.Tensor1D,
        bias: value('norm.bias') as tf.Tensor1D,
        epsilon,
      });
    }) as Shape;
  }

  /** What a latent head predicts from states `[..., width]`. The caller frees it. */
  predict(states: tf.Tensor): PredictedLatents {
    return predictLatents({ model: this.#model!, parameters: this.parameters, states });
  }

  dispose(): void {
    this.parameters.dispose();
  }
}

/** All embeddings, weighted by the next token's probabilities at some states: `[..., width]`. */
function mixEmbeddings({ model, states }: { model: LanguageModel; states: tf.Tensor }): tf.Tensor {
  const width = states.shape.at(-1)!;
  const probabilities = tf.softmax(model.logits(tf.reshape(states, [-1, width]) as tf.Tensor2D)) as tf.Tensor2D;
  const outputs = probabilities.shape[1];
  const ids = tf.reshape(tf.range(0, outputs, 1, 'int32'), [1, outputs]) as tf.Tensor2D;
  const table = tf.reshape(model.embed(ids), [outputs, width]) as tf.Tensor2D;
  return tf.reshape(tf.matMul(probabilities, table), states.shape);
}
