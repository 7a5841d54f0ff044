import {
  EmbeddingLayer,
  FusedGatedFeedForward,
  FusedProjection,
  GatedFeedForward,
  HeadNorm,
  LinearLayer,
  ModelFolderError,
  RmsNormLayer,
  RotaryEmbedding,
  SelfAttention,
  SeparateProjections,
  TransformerBlock,
  type ModelStructure,
  type ParameterScope,
  type RawConfig,
  type RotaryScaling,
} from '@subtext/nn';
import type { Activation } from '@subtext/tensor';

import { DecoderModel } from '../decoder-model';

/** Rotary embedding tables in older checkpoints; they follow from the config. */
export const rotaryBuffers = /(^|\.)rotary_emb\.(inv_freq|original_inv_freq|cos_cached|sin_cached)$/;

/** Settings of a Llama-like decoder. */
export interface RotaryDecoderSettings {
  vocabularySize: number;
  width: number;
  /** Inner width of the feed-forward network. */
  innerWidth: number;
  layers: number;
  heads: number;
  keyValueHeads: number;
  headWidth: number;
  activation: Activation;
  /** Epsilon of the RMS norms. */
  epsilon: number;
  /** Rotary embedding of all layers, unless overridden by `layerOptions`. */
  rotary: RotarySettings;
  /** Overrides per layer. Default none. */
  layerOptions?: readonly LayerOptions[];
  maxPositions: number;
  /** Whether queries, keys and values have a bias. */
  queryKeyValueBias: boolean;
  /** Whether the attention's output projection has a bias. */
  outputBias: boolean;
  feedForwardBias: boolean;
  /** Whether the output layer shares the embedding's weight. */
  tied: boolean;
  /** Standard deviation of the initial weights. */
  initializerRange: number;
  /** Whether norms come before attention and feed-forward, after, or both. Default `before`. */
  norms?: 'before' | 'after' | 'both';
  /** Added to norm weights: 1 if they are stored as the difference from 1. Default 0. */
  normOffset?: 0 | 1;
  /** Query and key norms: per head, or over all heads. Default none. */
  queryKeyNorm?: 'head' | 'whole' | null;
  /**
   * Whether queries, keys and values (`qkv_proj`), and gate and up (`gate_up_proj`), are fused linear layers. Default
   * false.
   */
  fused?: boolean;
  /** Factor on the embeddings. Default 1. */
  embeddingScale?: number;
  /** Factor on the attention scores. Default 1/√headWidth. */
  attentionScale?: number;
  /** Soft cap on the attention scores, `cap · tanh(score / cap)`. Default none. */
  attentionSoftCap?: number | null;
  /** Soft cap on the logits, `cap · tanh(logit / cap)`. Default none. */
  logitSoftCap?: number | null;
}

/** A rotary embedding. */
export interface RotarySettings {
  theta: number;
  scaling: RotaryScaling;
  /** Number of rotated dimensions per head. Default all. */
  dimensions?: number;
}

/** Settings of a single layer. */
export interface LayerOptions {
  /** Sliding window size, including the position itself. Default null: full attention. */
  window?: number | null;
  /** Null: no rotary embedding. Default: that of the other layers. */
  rotary?: RotarySettings | null;
}

/** Describes what is wrong with the settings, or null. */
function faultOf(settings: RotaryDecoderSettings): string | null {
  const { heads, keyValueHeads, headWidth, layers, layerOptions } = settings;
  if (heads % keyValueHeads !== 0)
    return `${heads} attention heads cannot share ${keyValueHeads} key and value heads evenly.`;
  if (headWidth < 1) return `${heads} attention heads are more than the hidden_size that they share.`;
  if (headWidth % 2 !== 0) return `head_dim ${headWidth} is odd; rotary positions need pairs.`;
  if (layerOptions !== undefined && layerOptions.length !== layers)
    return `layer_types or no_rope_layers names ${layerOptions.length} layers where num_hidden_layers is ${layers}.`;
  const rotations = [settings.rotary, ...(layerOptions ?? []).flatMap(({ rotary }) => rotary ?? [])];
  for (const { scaling, dimensions = headWidth } of rotations) {
    if (dimensions % 2 !== 0 || dimensions < 2)
      return `partial_rotary_factor leaves ${dimensions} of head_dim ${headWidth}; rotary positions need pairs.`;
    if (scaling.type !== 'longrope') continue;
    if (scaling.shortFactors.length !== dimensions / 2 || scaling.longFactors.length !== dimensions / 2)
      return `short_factor and long_factor must be lists of ${dimensions / 2} numbers, one for each pair of rotated dimensions.`;
  }
  return null;
}

/** Validates the settings. */
export function checkedSettings({
  settings,
  path,
}: {
  settings: RotaryDecoderSettings;
  /** The folder, for error messages. */ path: string;
}): RotaryDecoderSettings {
  const fault = faultOf(settings);
  if (fault !== null) throw new ModelFolderError({ code: 'invalid-config', path, message: fault });
  return settings;
}

/** Builds block `index` under `scope` (`model.layers.N`). */
export function rotaryDecoderBlock({
  scope,
  settings,
  index,
}: {
  scope: ParameterScope;
  settings: RotaryDecoderSettings;
  index: number;
}): TransformerBlock {
  const { width, innerWidth, heads, keyValueHeads, headWidth, epsilon, norms = 'before' } = settings;
  const initialisation = { kind: 'normal', deviation: settings.initializerRange } as const;
  const linear = (name: string, inputWidth: number, outputWidth: number, bias: boolean) =>
    new LinearLayer({ scope: scope.child(name), inputWidth, outputWidth, bias, initialisation });
  const norm = (name: string) =>
    new RmsNormLayer({ scope: scope.child(name), width, epsilon, offset: settings.normOffset });
  const queryKeyNorm = (name: string, ownHeads: number) => {
    if (!settings.queryKeyNorm) return null;
    const [Norm, normWidth] =
      settings.queryKeyNorm === 'head' ? [HeadNorm, headWidth] : [RmsNormLayer, ownHeads * headWidth];
    return new Norm({ scope: scope.child(name), width: normWidth, epsilon, offset: settings.normOffset });
  };
  const keyValueWidth = keyValueHeads * headWidth;
  const biases = settings.queryKeyValueBias;
  const projection = settings.fused
    ? new FusedProjection({
        queryKeyValue: linear('self_attn.qkv_proj', width, heads * headWidth + 2 * keyValueWidth, biases),
        keyValueWidth,
      })
    : new SeparateProjections({
        query: linear('self_attn.q_proj', width, heads * headWidth, biases),
        key: linear('self_attn.k_proj', width, keyValueWidth, biases),
        value: linear('self_attn.v_proj', width, keyValueWidth, biases),
        queryNorm: queryKeyNorm('self_attn.q_norm', heads),
        keyNorm: queryKeyNorm('self_attn.k_norm', keyValueHeads),
      });
  const down = () => linear('mlp.down_proj', innerWidth, width, settings.feedForwardBias);
  const { window, rotary = settings.rotary } = settings.layerOptions?.[index] ?? {};
  return new TransformerBlock({
    attentionNorm: norms === 'after' ? null : norm('input_layernorm'),
    attention: new SelfAttention({
      projection,
      output: linear('self_attn.o_proj', heads * headWidth, width, settings.outputBias),
      heads,
      keyValueHeads,
      scale: settings.attentionScale ?? 1 / Math.sqrt(headWidth),
      softCap: settings.attentionSoftCap,
      window,
      rotaryDimensions: rotary?.dimensions,
    }),
    // With pre-norms only, "post_attention" is the norm before the feed-forward network.
    attentionOutputNorm: norms === 'before' ? null : norm('post_attention_layernorm'),
    feedForwardNorm:
      norms === 'after' ? null : norm(norms === 'before' ? 'post_attention_layernorm' : 'pre_feedforward_layernorm'),
    feedForward: settings.fused
      ? new FusedGatedFeedForward({
          gateUp: linear('mlp.gate_up_proj', width, 2 * innerWidth, settings.feedForwardBias),
          down: down(),
          activation: settings.activation,
        })
      : new GatedFeedForward({
          gate: linear('mlp.gate_proj', width, innerWidth, settings.feedForwardBias),
          up: linear('mlp.up_proj', width, innerWidth, settings.feedForwardBias),
          down: down(),
          activation: settings.activation,
        }),
    feedForwardOutputNorm: norms === 'before' ? null : norm('post_feedforward_layernorm'),
  });
}

/** The rotary embedding of each layer; layers with the same settings share tables. */
function layerRotations(settings: RotaryDecoderSettings): (RotaryEmbedding | null)[] {
  const made = new Map<RotarySettings, RotaryEmbedding>();
  return Array.from({ length: settings.layers }, (_, index) => {
    const { rotary = settings.rotary } = settings.layerOptions?.[index] ?? {};
    if (rotary === null) return null;
    const shared = made.get(rotary) ?? rotaryEmbedding({ settings, rotary });
    made.set(rotary, shared);
    return shared;
  });
}

/** The rotary embedding for `rotary`, by default the one in the settings. */
export function rotaryEmbedding({
  settings,
  rotary = settings.rotary,
}: {
  settings: RotaryDecoderSettings;
  rotary?: RotarySettings;
}): RotaryEmbedding {
  return new RotaryEmbedding({ headWidth: settings.headWidth, ...rotary });
}

/**
 * Builds a decoder with rotary embeddings, RMS norms and gated feed-forward networks: Llama and similar models, and the
 * text part of vision models, which use other parameter names.
 */
export function buildRotaryDecoder({
  modelType,
  config,
  structure,
  settings,
  modelScope = structure.scope('model'),
  headScope = structure.scope('lm_head'),
}: {
  modelType: string;
  config: RawConfig;
  structure: ModelStructure;
  settings: RotaryDecoderSettings;
  /** Scope of the embedding, layers and final norm. Default `model`. */
  modelScope?: ParameterScope;
  /** Scope of the output layer. Default `lm_head`. */
  headScope?: ParameterScope;
}): DecoderModel {
  const { width, vocabularySize, epsilon } = settings;
  const initialisation = { kind: 'normal', deviation: settings.initializerRange } as const;
  const tokenEmbedding = new EmbeddingLayer({
    scope: modelScope.child('embed_tokens'),
    count: vocabularySize,
    width,
    initialisation,
    scale: settings.embeddingScale,
  });
  const blocks = Array.from({ length: settings.layers }, (_, index) =>
    rotaryDecoderBlock({ scope: modelScope.child('layers').child(index), settings, index }),
  );
  const finalNorm = new RmsNormLayer({ scope: modelScope.child('norm'), width, epsilon, offset: settings.normOffset });
  const head = new LinearLayer({
    scope: headScope,
    inputWidth: width,
    outputWidth: vocabularySize,
    bias: false,
    initialisation,
    tiedWeight: settings.tied ? tokenEmbedding.weight : undefined,
  });
  return new DecoderModel({
    modelType,
    config,
    structure,
    tokenEmbedding,
    rotary: layerRotations(settings),
    blocks,
    finalNorm,
    head,
    maxPositions: settings.maxPositions,
    keyValueHeads: settings.keyValueHeads,
    keyValueWidth: settings.keyValueHeads * settings.headWidth,
    logitSoftCap: settings.logitSoftCap,
  });
}
