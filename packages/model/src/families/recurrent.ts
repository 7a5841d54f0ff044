import {
  activationName,
  commonConfigKeys,
  EmbeddingLayer,
  flag,
  LinearLayer,
  ModelFolderError,
  parseConfig,
  positiveInteger,
  RmsNormLayer,
} from '@subtext/nn';
import { z } from 'zod';

import { RecurrentModel } from '../recurrent-model';
import type { ModelFamily } from './model-family';
import { rotaryDecoderBlock, type RotaryDecoderSettings } from './rotary-decoder';

const layers = z.int().min(0).max(10_000);

/** Every key of the config of a {@link RecurrentModel}, with its defaults. */
const schema = z.object({
  ...commonConfigKeys,
  model_type: z.literal('subtext_recurrent'),
  vocab_size: positiveInteger,
  hidden_size: positiveInteger.default(128),
  /** Inner width of the feed-forward network. */
  intermediate_size: positiveInteger.default(384),
  num_attention_heads: positiveInteger.default(4),
  num_prelude_layers: layers.default(1),
  num_core_layers: layers.min(1).default(2),
  num_coda_layers: layers.default(1),
  /** Default number of recurrences per pass. */
  num_recurrences: positiveInteger.max(10_000).default(8),
  max_position_embeddings: positiveInteger.default(128),
  hidden_act: activationName.prefault('silu'),
  initializer_range: z.number().min(0).default(0.02),
  rms_norm_eps: z.number().positive().default(1e-6),
  tie_word_embeddings: flag(false),
});

/**
 * Our own depth-recurrent transformers: Llama-like blocks without rotary embeddings, with learned positions.
 * transformers cannot load them.
 */
export const recurrentFamily: ModelFamily<RecurrentModel> = {
  modelType: 'subtext_recurrent',
  architecture: 'SubtextRecurrentModel',
  baseModelPrefix: 'model',
  ignore: [],
  build({ config: raw, structure, path }) {
    const config = parseConfig({ schema, config: raw, path });
    const width = config.hidden_size;
    const heads = config.num_attention_heads;
    if (width % heads !== 0)
      throw new ModelFolderError({
        code: 'invalid-config',
        path,
        message: `${heads} num_attention_heads cannot share a hidden_size of ${width} evenly.`,
      });
    const settings: RotaryDecoderSettings = {
      vocabularySize: config.vocab_size,
      width,
      innerWidth: config.intermediate_size,
      layers: config.num_core_layers,
      heads,
      keyValueHeads: heads,
      headWidth: width / heads,
      activation: config.hidden_act,
      epsilon: config.rms_norm_eps,
      // Never rotated: positions are learned.
      rotary: { theta: 10_000, scaling: { type: 'default' } },
      maxPositions: config.max_position_embeddings,
      queryKeyValueBias: false,
      outputBias: false,
      feedForwardBias: false,
      tied: config.tie_word_embeddings,
      initializerRange: config.initializer_range,
    };
    const scope = structure.scope('model');
    const initialisation = { kind: 'normal', deviation: config.initializer_range } as const;
    const blocks = (name: string, count: number) =>
      Array.from({ length: count }, (_, index) =>
        rotaryDecoderBlock({ scope: scope.child(name).child(index), settings, index }),
      );
    const norm = (name: string) => new RmsNormLayer({ scope: scope.child(name), width, epsilon: config.rms_norm_eps });
    const adapter = (name: string) =>
      new LinearLayer({
        scope: scope.child('adapter').child(name),
        inputWidth: width,
        outputWidth: width,
        bias: false,
        initialisation,
      });
    const tokenEmbedding = new EmbeddingLayer({
      scope: scope.child('embed_tokens'),
      count: config.vocab_size,
      width,
      initialisation,
    });
    return new RecurrentModel({
      modelType: config.model_type,
      config: raw,
      structure,
      tokenEmbedding,
      positionEmbedding: new EmbeddingLayer({
        scope: scope.child('embed_positions'),
        count: config.max_position_embeddings,
        width,
        initialisation,
      }),
      prelude: blocks('prelude', config.num_prelude_layers),
      core: blocks('core', config.num_core_layers),
      coda: blocks('coda', config.num_coda_layers),
      stateAdapter: adapter('state'),
      inputAdapter: adapter('input'),
      coreNorm: norm('core_norm'),
      initialState: scope.declare({ name: 'initial_state', shape: [width], initialisation }),
      finalNorm: norm('norm'),
      head: new LinearLayer({
        scope: structure.scope('lm_head'),
        inputWidth: width,
        outputWidth: config.vocab_size,
        bias: false,
        initialisation,
        tiedWeight: config.tie_word_embeddings ? tokenEmbedding.weight : undefined,
      }),
      maxPositions: config.max_position_embeddings,
      recurrences: config.num_recurrences,
    });
  },
};
