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

/** Tables of rotary positions, which older checkpoints hold; they follow from the config. */
export const rotaryBuffers = /(^|\.)rotary_emb\.(inv_freq|original_inv_freq|cos_cached|sin_cached)$/;

/** The sizes and switches of a Llama-like decoder. */
export interface RotaryDecoderSettings {
  vocabularySize: number;
  width: number;
  /** Width inside the feed-forward part. */
  innerWidth: number;
  layers: number;
  heads: number;
  keyValueHeads: number;
  headWidth: number;
  activation: Activation;
  /** Of the RMS norms. */
  epsilon: number;
  /** The rotation of every layer that `layerOptions` says nothing else of. */
  rotary: RotarySettings;
  /** What layers have of their own, one entry for each. Default: none has anything. */
  layerOptions?: readonly LayerOptions[];
  maxPositions: number;
  /** Whether queries, keys and values have a bias. */
  queryKeyValueBias: boolean;
  /** Whether the attention's output projection has a bias. */
  outputBias: boolean;
  feedForwardBias: boolean;
  /** Whether the logits' weights are the embedding's. */
  tied: boolean;
  /** Standard deviation of the initial weights. */
  initializerRange: number;
  /** Whether norms stand before each part of a block, after it, or on both sides. Default `before`. */
  norms?: 'before' | 'after' | 'both';
  /** What the weights of norms are added to: 1 where they are stored as the difference from 1. Default 0. */
  normOffset?: 0 | 1;
  /** Norms of queries and keys: of each head on its own, or of all heads in one. Default none. */
  queryKeyNorm?: 'head' | 'whole' | null;
  /** Whether queries, keys and values come from one linear layer (`qkv_proj`), and gate and up too (`gate_up_proj`). Default false. */
  fused?: boolean;
  /** Factor on the embeddings. Default 1. */
  embeddingScale?: number;
  /** Factor on the attention's scores. Default 1/√headWidth. */
  attentionScale?: number;
  /** Scores of the attention are `cap · tanh(score / cap)`. Default uncapped. */
  attentionSoftCap?: number | null;
  /** Logits are `cap · tanh(logit / cap)`. Default uncapped. */
  logitSoftCap?: number | null;
}

/** A rotation of queries and keys by their positions. */
export interface RotarySettings {
  theta: number;
  scaling: RotaryScaling;
  /** Dimensions of each head that are rotated. Default all. */
  dimensions?: number;
}

/** What a layer has of its own. */
export interface LayerOptions {
  /** A position sees this many positions, itself among them. Default null: all before it. */
  window?: number | null;
  /** Null: nothing is rotated. Default that of the other layers. */
  rotary?: RotarySettings | null;
}

/** What stands in the way of settings, or null. */
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

/** The settings, if their parts fit together. */
export function checkedSettings({
  settings,
  path,
}: {
  settings: RotaryDecoderSettings;
  /** The folder, for errors. */ path: string;
}): RotaryDecoderSettings {
  const fault = faultOf(settings);
  if (fault !== null) throw new ModelFolderError({ code: 'invalid-config', path, message: fault });
  return settings;
}

/** Block `index` under `scope` (`model.layers.N`). */
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
    // Where norms stand before a part alone, "post_attention" is the one before the feed-forward part.
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

/** A rotation for each layer; layers with the same settings share its tables. */
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

/** The rotation that `rotary` describes, by default the one of the settings. */
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
 * A decoder with rotary positions, RMS norms and a gated feed-forward: Llama and its kin, and the language part of vision
 * models, which keep it under other names.
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
  /** Where the embedding, the layers and the norm live. Default `model`. */
  modelScope?: ParameterScope;
  /** Where the head lives. Default `lm_head`. */
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
