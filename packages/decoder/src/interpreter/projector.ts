import { initialiseWeights, LinearLayer, ModelStructure, RmsNormLayer } from '@subtext/nn';
import { Parameters, type tf } from '@subtext/tensor';

export interface ProjectorOptions {
  /** Width of the thoughts' states. */
  inputWidth: number;
  /** Width of the interpreter's embeddings. */
  outputWidth: number;
  /** `linear`: one layer. `mlp`: two layers with GELU between. @default 'linear' */
  kind?: 'linear' | 'mlp';
  /** Standard deviation of the interpreter's embeddings: states are scaled to it. @default 0.02 */
  outputDeviation?: number;
  seed: number;
}

/**
 * Projects a thought's state into an interpreter's embedding space: `W · rmsnorm(x) + b`, or with two layers
 * `W₂ · gelu(W₁ · rmsnorm(x) + b₁) + b₂`. Hidden states have far larger norms than embeddings; the RMS norm and the
 * initial weights scale them to the size of embeddings, so that training starts with slots that look like word
 * embeddings.
 */
export class Projector {
  readonly parameters: Parameters;
  readonly #norm: RmsNormLayer;
  readonly #layers: LinearLayer[];

  constructor({ inputWidth, outputWidth, kind = 'linear', outputDeviation = 0.02, seed }: ProjectorOptions) {
    this.parameters = new Parameters();
    const structure = new ModelStructure({ parameters: this.parameters });
    const scope = structure.scope();
    this.#norm = new RmsNormLayer({ scope: scope.child('norm'), width: inputWidth, epsilon: 1e-6 });
    const layer = (name: string, from: number, to: number, deviation: number) =>
      new LinearLayer({
        scope: scope.child(name),
        inputWidth: from,
        outputWidth: to,
        initialisation: { kind: 'normal', deviation: deviation / Math.sqrt(from) },
      });
    this.#layers =
      kind === 'linear'
        ? [layer('linear', inputWidth, outputWidth, outputDeviation)]
        : [layer('linear_1', inputWidth, outputWidth, 1), layer('linear_2', outputWidth, outputWidth, outputDeviation)];
    initialiseWeights({ structure, seed });
  }

  /** Projects states `[count, inputWidth]` to embeddings `[count, outputWidth]`. */
  project(states: tf.Tensor2D): tf.Tensor2D {
    let output = this.#norm.apply({ input: states });
    for (const [index, layer] of this.#layers.entries()) {
      output = layer.apply({ input: output, activation: index < this.#layers.length - 1 ? 'gelu' : 'none' });
    }
    return output;
  }

  dispose(): void {
    this.parameters.dispose();
  }
}
