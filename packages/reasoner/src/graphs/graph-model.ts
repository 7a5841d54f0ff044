import { createModel, type LanguageModel } from '@subtext/model';
import { drawInitialValues } from '@subtext/nn';
import { gatherRows, tf } from '@subtext/tensor';

import type { ProgramParameter } from '../forward/trainable-parameters';
import { GRAPH_NODES, type GraphForm, GraphVocabulary } from './graph-vocabulary';

/** How a model of graphs is made. */
export interface GraphModelOptions {
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
  /**
   * Whether the edges and pairs, which a model never writes, count in its probabilities as often as there are tokens of them,
   * as they do in what is saved: thoughts that are mixed by these probabilities must be learned by them. @default once
   */
  countsUnwritten?: boolean;
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
/** What the names of the model's parameters begin with in a program. */
const modelPrefix = 'graph/model/';

/** The model's config.json with this vocabulary. */
export function graphModelConfig(
  { layers = 2, width = 128, heads = 4, deviation = 0.02, positions = 256 }: GraphModelOptions,
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
export function createGraphModel(options: GraphModelOptions): GraphModel {
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
export function partTable({ model, vocabulary, sourceRole }: GraphModel): tf.Tensor2D {
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
