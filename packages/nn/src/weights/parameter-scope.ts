import { TensorError, type Parameters, type tf } from '@subtext/tensor';
import type { LinearLayer } from '../blocks/linear-layer';

/** How a parameter starts when a model is made from scratch. */
export type Initialisation =
  | { kind: 'zeros' }
  | { kind: 'ones' }
  | { kind: 'normal'; /** standard deviation */ deviation: number }
  | { kind: 'uniform'; /** values in (−limit, limit) */ limit: number };

/** A parameter that a model needs: what a checkpoint must hold, or what a new model draws. */
export interface ParameterDeclaration {
  /** The tensor's name in the checkpoint, such as `model.layers.0.self_attn.q_proj.weight`. */
  name: string;
  /** Changes only when the parameter is resized. */
  shape: readonly number[];
  initialisation: Initialisation;
}

/** A declared parameter. Its value is looked up at each use, so that loading, resizing and training may replace it. */
export interface ParameterHandle {
  readonly declaration: ParameterDeclaration;
  /** The variable; an error where nothing has been loaded or initialised yet. */
  readonly value: tf.Variable;
}

/**
 * What a model is made of, by name. The blocks declare their parameters here while the model is put together; then
 * `loadWeights` or `initialiseWeights` gives each a value. The declarations are the one list of what a checkpoint must
 * hold: loading, saving and initialisation all read it.
 */
export class ModelStructure {
  readonly parameters: Parameters;
  readonly declarations = new Map<string, ParameterDeclaration>();
  /** What a person should know about how the model was read, such as settings that were passed over. */
  readonly notes: string[] = [];
  /** Linear layers by the name of their module: the places a low-rank adapter can go. */
  readonly linearLayers = new Map<string, LinearLayer>();
  /**
   * Whether training keeps only the inputs of blocks and computes them again in the backward pass (gradient checkpointing,
   * arXiv 1604.06174): a third more to compute, for the memory of one block in place of all. Default false.
   */
  recomputesBlocks = false;

  constructor({ parameters }: { parameters: Parameters }) {
    this.parameters = parameters;
  }

  /** Gives a declared parameter a value of another shape; takes over `value`. */
  replace({ name, value }: { name: string; value: tf.Tensor }): void {
    const declaration = this.declarations.get(name);
    if (declaration === undefined)
      throw new TensorError({ code: 'unknown-parameter', message: `There is no parameter ${name} to replace.` });
    const { trainable } = this.parameters.get(name);
    this.parameters.remove(name);
    declaration.shape = [...value.shape];
    this.parameters.add({ name, value, trainable });
  }

  /** Notes how far the adapters' draws of dropout have come; what it gives goes back there. */
  markDraws(): () => void {
    const marks = [...this.linearLayers.values()].flatMap(({ adapter }) =>
      adapter !== null && adapter.dropout > 0 ? [{ adapter, draws: adapter.draws }] : [],
    );
    return () => {
      for (const { adapter, draws } of marks) adapter.draws = draws;
    };
  }

  /** The scope at the top: names without a prefix. */
  scope(prefix = ''): ParameterScope {
    return new ParameterScope({ structure: this, prefix });
  }
}

/** A prefix of names inside a {@link ModelStructure}: `scope.child('self_attn').declare({ name: 'q_proj.weight', … })`. */
export class ParameterScope {
  readonly structure: ModelStructure;
  readonly prefix: string;

  constructor({ structure, prefix }: { structure: ModelStructure; prefix: string }) {
    this.structure = structure;
    this.prefix = prefix;
  }

  child(name: string | number): ParameterScope {
    return new ParameterScope({ structure: this.structure, prefix: this.fullName(String(name)) });
  }

  fullName(name: string): string {
    if (this.prefix === '') return name;
    return name === '' ? this.prefix : `${this.prefix}.${name}`;
  }

  /** Declares a parameter under this prefix. */
  declare({ name, shape, initialisation }: ParameterDeclaration): ParameterHandle {
    const declaration = { name: this.fullName(name), shape, initialisation };
    const { parameters, declarations } = this.structure;
    if (declarations.has(declaration.name))
      throw new TensorError({
        code: 'duplicate-parameter',
        message: `The parameter ${declaration.name} is declared twice.`,
      });
    declarations.set(declaration.name, declaration);
    return {
      declaration,
      get value() {
        return parameters.get(declaration.name);
      },
    };
  }
}
