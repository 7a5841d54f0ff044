import { drawInitialValues } from '@subtext/nn';
import { createModel, type LanguageModel } from '@subtext/model';
import { embedding, engineName, gatherRows, tf } from '@subtext/tensor';

import type { ProgramParameter, TrainingProgram } from '../programs/training-program';
import type { GraphBatch } from '@subtext/reasoner';
import { graphForward } from '@subtext/reasoner';
import { mastery, masteryOnEngine } from './mastery';
import { GRAPH_NODES, type GraphForm, GraphVocabulary } from '@subtext/reasoner';

export interface GraphProgramOptions {
  form: GraphForm;
  seed: number;
  /** @default 2 */
  layers?: number;
  /** @default 128 */
  width?: number;
  /** @default 4 */
  heads?: number;
  /** Standard deviation of new weights. @default 0.02 */
  deviation?: number;
  /** Positions that the model has room for. @default 256 */
  positions?: number;
}

/** What a graph model is trained with. */
export interface GraphModel {
  model: LanguageModel;
  vocabulary: GraphVocabulary;
  /** With one position an edge: what turns a node's vector into that of an edge's source. `[width, width]` */
  sourceRole?: tf.Variable<tf.Rank.R2>;
  parameters: ProgramParameter[];
}

const sourceRoleName = 'graph/roles.source';
const modelPrefix = 'graph/model/';

/** The model's config.json with this vocabulary. */
export function graphModelConfig(
  { layers = 2, width = 128, heads = 4, deviation = 0.02, positions = 256 }: GraphProgramOptions,
  { vocabularySize, tied }: { vocabularySize: number; tied: boolean },
): Record<string, unknown> {
  return {
    model_type: 'gpt2',
    vocab_size: vocabularySize,
    n_positions: positions,
    n_embd: width,
    n_layer: layers,
    n_head: heads,
    initializer_range: deviation,
    tie_word_embeddings: tied,
    pad_token_id: 0,
    bos_token_id: 2,
    eos_token_id: 3,
  };
}

/**
 * Makes a GPT-2 over the plain tokens. With one position an edge it has a matrix more, which gives a node its role as a
 * source, and no positions: a graph is a set of edges, in whatever order they are told.
 */
export function createGraphModel(options: GraphProgramOptions): GraphModel {
  const { form, seed, width = 128 } = options;
  const vocabulary = new GraphVocabulary({ form });
  const model = createModel({
    config: graphModelConfig(options, { vocabularySize: vocabulary.plain, tied: true }),
    seed,
  });
  balanceLengths(model);
  const parameters: ProgramParameter[] = [];
  let sourceRole: GraphModel['sourceRole'];
  if (form === 'edges') {
    const positions = model.parameters.get('transformer.wpe.weight');
    positions.assign(tf.zerosLike(positions));
    model.parameters.freeze('transformer.wpe.weight');
    // This deviation keeps a vector's length.
    const initialisation = { kind: 'normal', deviation: 1 / Math.sqrt(width) } as const;
    sourceRole = tf.variable(
      drawInitialValues({ initialisation, shape: [width, width], seed, name: sourceRoleName }),
    ) as tf.Variable<tf.Rank.R2>;
    parameters.push({ name: sourceRoleName, variable: sourceRole });
  }
  for (const [name, variable] of model.parameters.trainable())
    parameters.push({ name: `${modelPrefix}${name}`, variable });
  return { model, vocabulary, sourceRole, parameters };
}

/**
 * Gives thoughts the length of embeddings. With the head tied to the embeddings, a state of length ℓ that is one node's
 * vector of length ℓ has the logit ℓ²; ℓ = width^¼ makes that √width. As GPT-2 starts, a thought is twenty times as long
 * as the embedding in whose place it stands, and what attention adds to it counts for nothing.
 */
function balanceLengths(model: LanguageModel): void {
  const { width } = model.dimensions;
  const entry = width ** -0.25;
  for (const name of ['transformer.wte.weight', 'transformer.wpe.weight']) {
    const variable = model.parameters.get(name);
    const deviation = (model.config as { initializer_range?: number }).initializer_range ?? 0.02;
    tf.tidy(() => variable.assign(tf.mul(variable, entry / deviation)));
  }
  const gain = model.parameters.get('transformer.ln_f.weight');
  tf.tidy(() => gain.assign(tf.fill(gain.shape, entry)));
}

/** Vectors of the tokens: `[tokens, width]`, or of the parts that they are sums of. */
function partTable({ model, vocabulary, sourceRole }: GraphModel): tf.Tensor2D {
  const table = model.parameters.get<tf.Rank.R2>('transformer.wte.weight');
  if (!sourceRole) return table;
  const nodes = tf.slice(table, [vocabulary.firstNode, 0], [GRAPH_NODES, table.shape[1]]);
  return tf.concat([table, tf.matMul(nodes, sourceRole), tf.zeros([1, table.shape[1]])]) as tf.Tensor2D;
}

/** Vectors of all tokens, edges and pairs included, as a saved model holds them: `[tokens, width]`. The caller frees it. */
export function tokenVectors(graphModel: GraphModel): tf.Tensor2D {
  return tf.tidy(() => {
    const table = partTable(graphModel);
    if (!graphModel.sourceRole) return tf.clone(table);
    const { first, second } = graphModel.vocabulary.parts();
    return tf.add(gatherRows({ input: table, indices: first }), gatherRows({ input: table, indices: second }));
  });
}

/** Where the trained values of a program's parameters are, by their names in the model. */
export function modelParameterName(name: string): string | undefined {
  return name.startsWith(modelPrefix) ? name.slice(modelPrefix.length) : undefined;
}

/**
 * The program that trains on graphs: `L = Σ_r w_r · Σ_v −p_rv · log softmax(z_r)_v` over the states r that must predict
 * something, with p the same for each node that is right. With one position an edge, the edges and pairs, which a model
 * never writes, share one logit that is always 0. Metric `mastery`: of the phase's own states, the share of right ids
 * among as many highest logits as there are right ids.
 */
export async function createProgram(options: GraphProgramOptions): Promise<TrainingProgram<GraphBatch>> {
  const graphModel = createGraphModel(options);
  const { model, vocabulary, sourceRole, parameters } = graphModel;
  const { first, second } = vocabulary.parts();

  return {
    parameters,
    loss(batch) {
      const table = partTable(graphModel);
      const embed = (ids: tf.Tensor2D): tf.Tensor3D => {
        if (!sourceRole) return embedding<tf.Tensor3D>({ table, ids });
        const values = ids.dataSync() as Int32Array;
        const rowsOf = (parts: Int32Array) =>
          embedding<tf.Tensor3D>({
            table,
            ids: tf.tensor2d(
              values.map((id) => parts[id]!),
              ids.shape,
              'int32',
            ),
          });
        return tf.add(rowsOf(first), rowsOf(second));
      };
      const states = gatherRows({ input: graphForward({ model, batch, embed }), indices: batch.rows });
      const plain = model.logits(states) as tf.Tensor2D;
      const logits = sourceRole ? (tf.concat([plain, tf.zeros([plain.shape[0], 1])], 1) as tf.Tensor2D) : plain;
      const losses = tf.mul(tf.logSoftmax(logits), weightedTargets({ batch, outputs: logits.shape[1] }));
      return {
        loss: tf.neg(tf.sum(losses)) as tf.Scalar,
        metrics: {
          mastery:
            engineName() === 'webgpu'
              ? masteryOnEngine({ shown: batch.shown, logits })
              : tf.scalar(mastery({ shown: batch.shown, logits })),
        },
      };
    },
  };
}

/** `w_r · p_rv`: `[rows, outputs]`. */
function weightedTargets({
  batch: { rows, weights, labelIds, labelStarts },
  outputs,
}: {
  batch: GraphBatch;
  outputs: number;
}): tf.Tensor2D {
  const targets = new Float32Array(rows.length * outputs);
  for (let row = 0; row < rows.length; row++) {
    const [from, to] = [labelStarts[row]!, labelStarts[row + 1]!];
    for (let place = from; place < to; place++) targets[row * outputs + labelIds[place]!] = weights[row]! / (to - from);
  }
  return tf.tensor2d(targets, [rows.length, outputs]);
}
