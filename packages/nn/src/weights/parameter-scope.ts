import { TensorError, type Parameters, type tf } from '@subtext/tensor';
import type { LinearLayer } from '../blocks/linear-layer';

/** Initialisation of a parameter in a new model. */
export type Initialisation =
  | { kind: 'zeros' }
  | { kind: 'ones' }
  | { kind: 'normal'; /** standard deviation */ deviation: number }
  | { kind: 'uniform'; /** values in (−limit, limit) */ limit: number };

/** A declared parameter, to be loaded from a checkpoint or initialised. */
export interface ParameterDeclaration {
  /** The tensor's name in the checkpoint, such as `model.layers.0.self_attn.q_proj.weight`. */
  name: string;
  /** Changes only when the parameter is resized. */
  shape: readonly number[];
  initialisation: Initialisation;
}

/** A declared parameter. Its value is looked up on each use, so that loading, resizing and training can replace it. */
export interface ParameterHandle {
  readonly declaration: ParameterDeclaration;
  /** The variable; throws if nothing has been loaded or initialised yet. */
  readonly value: tf.Variable;
}

/**
 * The parameters of a model, by name. Blocks declare their parameters here while the model is built; `loadWeights` or
 * `initialiseWeights` then sets their values. Loading, saving and initialisation all use these declarations.
 */
export class ModelStructure {
  readonly parameters: Parameters;
  readonly declarations = new Map<string, ParameterDeclaration>();
  /** Notes for the user about how the model was read, such as ignored settings. */
  readonly notes: string[] = [];
  /** Linear layers by module name, where LoRA adapters can be added. */
  readonly linearLayers = new Map<string, LinearLayer>();
  /**
   * Whether training uses gradient checkpointing (arXiv 1604.06174): only the inputs of blocks are kept and the rest is
   * recomputed in the backward pass. Costs about a third more compute; needs the activation memory of one block instead
   * of all. Default false.
   */
  recomputesBlocks = false;

  constructor({ parameters }: { parameters: Parameters }) {
    this.parameters = parameters;
  }

  /** Replaces a declared parameter's value with one of another shape; takes ownership of `value`. */
  replace({ name, value }: { name: string; value: tf.Tensor }): void {
    const declaration = this.declarations.get(name);
    if (declaration === undefined)
      throw new TensorError({ code: 'unknown-parameter', message: `There is no parameter ${name} to replace.` });
    const { trainable } = this.parameters.get(name);
    this.parameters.remove(name);
    declaration.shape = [...value.shape];
    this.parameters.add({ name, value, trainable });
  }

  /** Saves the position of the adapters' dropout streams; returns a function that restores it. */
  markDraws(): () => void {
    const marks = [...this.linearLayers.values()].flatMap(({ adapter }) =>
      adapter !== null && adapter.dropout > 0 ? [{ adapter, draws: adapter.draws }] : [],
    );
    return () => {
      for (const { adapter, draws } of marks) adapter.draws = draws;
    };
  }

  /** The root scope: names without a prefix. */
  scope(prefix = ''): ParameterScope {
    return new ParameterScope({ structure: this, prefix });
  }
}

/** A name prefix in a {@link ModelStructure}: `scope.child('self_attn').declare({ name: 'q_proj.weight', … })`. */
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
