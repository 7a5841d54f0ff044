import {
  activationName,
  commonConfigKeys,
  dropoutRate,
  EmbeddingLayer,
  flag,
  FusedProjection,
  harmless,
  layerCount,
  LayerNormLayer,
  LinearLayer,
  ModelFolderError,
  neutral,
  parseConfig,
  PlainFeedForward,
  positiveInteger,
  SelfAttention,
  shown,
  TransformerBlock,
  type RawConfig,
} from '@subtext/nn';
import { z } from 'zod';

import { DecoderModel } from '../decoder-model';
import type { ModelFamily } from './model-family';

/** Every key of a GPT-2 config (`transformers/models/gpt2/configuration_gpt2.py`), with its defaults. */
const schema = z.object({
  ...commonConfigKeys,
  model_type: z.literal('gpt2'),
  vocab_size: positiveInteger.default(50257),
  n_positions: positiveInteger.default(1024),
  /** In old files: same as n_positions. */
  n_ctx: harmless,
  n_embd: positiveInteger.default(768),
  n_layer: layerCount.default(12),
  n_head: positiveInteger.default(12),
  n_inner: positiveInteger.nullish(),
  activation_function: activationName.prefault('gelu_new'),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  initializer_range: z.number().min(0).default(0.02),
  scale_attn_weights: flag(true),
  scale_attn_by_inverse_layer_idx: flag(false),
  tie_word_embeddings: flag(true),
  /** Affects only half precision; float32 results are the same. */
  reorder_and_upcast_attn: harmless,
  resid_pdrop: dropoutRate,
  embd_pdrop: dropoutRate,
  attn_pdrop: dropoutRate,
  // Classification head, not part of GPT2LMHeadModel.
  summary_type: harmless,
  summary_use_proj: harmless,
  summary_activation: harmless,
  summary_proj_to_labels: harmless,
  summary_first_dropout: harmless,
  n_special: neutral(0),
  predict_special_tokens: harmless,
});

/** Alternative names of GPT-2's sizes, as used by other families; transformers accepts both (`attribute_map`). */
const otherNames = {
  hidden_size: 'n_embd',
  max_position_embeddings: 'n_positions',
  num_attention_heads: 'n_head',
  num_hidden_layers: 'n_layer',
} as const;

/** The config with GPT-2's own names for its sizes. */
function withOwnNames({ config, path }: { config: RawConfig; path: string }): RawConfig {
  const named = { ...config };
  for (const [other, own] of Object.entries(otherNames)) {
    const value = named[other];
    delete named[other];
    if (value === undefined || value === null) continue;
    if (named[own] !== undefined && named[own] !== null && named[own] !== value) {
      throw new ModelFolderError({
        code: 'invalid-config',
        path,
        message: `${own} is ${shown(named[own])} but ${other}, an alias of it, is ${shown(value)}. Remove the wrong one.`,
      });
    }
    named[own] = value;
  }
  return named;
}

/** GPT-2 (Radford et al., 2019): learned position embeddings, pre-layer-norm, GELU, weights stored `[in, out]`. */
export const gpt2Family: ModelFamily = {
  modelType: 'gpt2',
  architecture: 'GPT2LMHeadModel',
  baseModelPrefix: 'transformer',
  ignore: [/(^|\.)attn\.(bias|masked_bias)$/],
  build({ config, structure, path }) {
    const settings = parseConfig({ schema, config: withOwnNames({ config, path }), path });
    const {
      n_embd: width,
      n_layer: layers,
      n_head: heads,
      n_positions: maxPositions,
      layer_norm_epsilon: epsilon,
    } = settings;
    if (width % heads !== 0) {
      throw new ModelFolderError({
        code: 'invalid-config',
        path,
        message: `n_embd ${width} is not a multiple of n_head ${heads}.`,
      });
    }
    const scope = structure.scope('transformer');
    const initialisation = { kind: 'normal', deviation: settings.initializer_range } as const;
    // Residual projections are initialised with a smaller deviation, depending on the number of residual additions
    // (GPT-2 paper, section 2.3).
    const residual = { kind: 'normal', deviation: settings.initializer_range / Math.sqrt(2 * layers) } as const;
    const tokenEmbedding = new EmbeddingLayer({
      scope: scope.child('wte'),
      count: settings.vocab_size,
      width,
      initialisation,
    });
    const positionEmbedding = new EmbeddingLayer({
      scope: scope.child('wpe'),
      count: maxPositions,
      width,
      initialisation,
    });
    const innerWidth = settings.n_inner ?? 4 * width;
    const blocks = Array.from({ length: layers }, (_, index) => {
      const block = scope.child('h').child(index);
      const layout = 'in-out' as const;
      const baseScale = settings.scale_attn_weights ? 1 / Math.sqrt(width / heads) : 1;
      return new TransformerBlock({
        attentionNorm: new LayerNormLayer({ scope: block.child('ln_1'), width, epsilon }),
        attention: new SelfAttention({
          projection: new FusedProjection({
            queryKeyValue: new LinearLayer({
              scope: block.child('attn.c_attn'),
              inputWidth: width,
              outputWidth: 3 * width,
              layout,
              initialisation,
            }),
          }),
          output: new LinearLayer({
            scope: block.child('attn.c_proj'),
            inputWidth: width,
            outputWidth: width,
            layout,
            initialisation: residual,
          }),
          heads,
          scale: settings.scale_attn_by_inverse_layer_idx ? baseScale / (index + 1) : baseScale,
        }),
        feedForwardNorm: new LayerNormLayer({ scope: block.child('ln_2'), width, epsilon }),
        feedForward: new PlainFeedForward({
          up: new LinearLayer({
            scope: block.child('mlp.c_fc'),
            inputWidth: width,
            outputWidth: innerWidth,
            layout,
            initialisation,
          }),
          down: new LinearLayer({
            scope: block.child('mlp.c_proj'),
            inputWidth: innerWidth,
            outputWidth: width,
            layout,
            initialisation: residual,
          }),
          activation: settings.activation_function,
        }),
      });
    });
    const finalNorm = new LayerNormLayer({ scope: scope.child('ln_f'), width, epsilon });
    const head = new LinearLayer({
      scope: structure.scope('lm_head'),
      inputWidth: width,
      outputWidth: settings.vocab_size,
      bias: false,
      initialisation,
      tiedWeight: settings.tie_word_embeddings ? tokenEmbedding.weight : undefined,
    });
    return new DecoderModel({
      modelType: 'gpt2',
      config,
      structure,
      tokenEmbedding,
      positionEmbedding,
      blocks,
      finalNorm,
      head,
      maxPositions,
      keyValueHeads: heads,
      keyValueWidth: width,
    });
  },
};
