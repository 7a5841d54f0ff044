import type { LanguageModel } from '@subtext/model';
import { type ModelSource, openModel, type ProgramParameter, modelParameters, pickedLoss } from '@subtext/reasoner';
import { scatterRows, tf } from '@subtext/tensor';

import type { ExplanationBatch } from './explanation-batch';
import { Projector, type ProjectorOptions } from './projector';

/** Specification of a new interpreter; can be posted to a worker. */
export interface InterpreterSpecification {
  /** Name used for parameters and folders, for example `caption` or `shared`. */
  name: string;
  /** Stages that it decodes. */
  stages: readonly string[];
  model: ModelSource;
  projector: Omit<ProjectorOptions, 'outputWidth'>;
  /** Multiplies the phase's learning rate for this interpreter. @default 1 */
  learningRateScale?: number;
}

/** A language model that decodes thoughts to text, with the projector from a thought's state to its embedding space. */
export class Interpreter {
  readonly name: string;
  readonly stages: readonly string[];
  readonly model: LanguageModel;
  readonly projector: Projector;

  private constructor({
    name,
    stages,
    model,
    projector,
  }: {
    name: string;
    stages: readonly string[];
    model: LanguageModel;
    projector: Projector;
  }) {
    this.name = name;
    this.stages = stages;
    this.model = model;
    this.projector = projector;
  }

  /** Creates an interpreter from its parts. */
  static of(parts: {
    name: string;
    stages: readonly string[];
    model: LanguageModel;
    projector: Projector;
  }): Interpreter {
    return new Interpreter(parts);
  }

  /** Opens the interpreter's model and initialises the projector. */
  static async create({ name, stages, model: source, projector }: InterpreterSpecification): Promise<Interpreter> {
    const model = await openModel(source);
    return new Interpreter({
      name,
      stages,
      model,
      projector: new Projector({ ...projector, outputWidth: model.dimensions.width }),
    });
  }

  /** Trainable parameters, under `interpreters/NAME/`. */
  trainable({ learningRateScale }: { learningRateScale?: number } = {}): ProgramParameter[] {
    const prefix = `interpreters/${this.name}`;
    return [
      ...modelParameters({ model: this.model, prefix: `${prefix}/model`, learningRateScale }),
      ...this.projector.parameters
        .trainable()
        .map(([name, variable]) => ({ name: `${prefix}/projector/${name}`, variable, learningRateScale })),
    ];
  }

  /** Embeds prompts with the thoughts' states in their slots: `[rows, time, width]`. */
  embed({
    ids,
    rows,
    time,
    slotRows,
    states,
  }: {
    ids: Int32Array;
    rows: number;
    time: number;
    /** Index `row · time + position` of every slot. */
    slotRows: Int32Array;
    /** `[slots, width of the reasoner]` */
    states: tf.Tensor2D;
  }): tf.Tensor3D {
    const { width } = this.model.dimensions;
    const words = tf.reshape(this.model.embed(tf.tensor2d(ids, [rows, time], 'int32')), [
      rows * time,
      width,
    ]) as tf.Tensor2D;
    if (slotRows.length === 0) return tf.reshape(words, [rows, time, width]) as tf.Tensor3D;
    const filled = scatterRows({ input: words, indices: slotRows, updates: this.projector.project(states) });
    return tf.reshape(filled, [rows, time, width]) as tf.Tensor3D;
  }

  /** Next-token loss of a batch's explanations, given the states that fill its slots (`[slots, width]`). */
  loss({ batch, states }: { batch: ExplanationBatch; states: tf.Tensor2D }): tf.Scalar {
    const { hidden } = this.model.forward({ embeddings: this.embed({ ...batch, states }) });
    const rows = tf.reshape(hidden, [batch.rows * batch.time, hidden.shape[2]]) as tf.Tensor2D;
    return pickedLoss({ model: this.model, states: rows, ...batch });
  }

  dispose(): void {
    this.model.dispose();
    this.projector.dispose();
  }
}
