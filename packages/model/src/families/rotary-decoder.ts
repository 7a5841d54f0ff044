import {
  EmbeddingLayer,
  GatedFeedForward,
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
  theta: number;
  scaling: RotaryScaling;
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
}

/** The settings, if their heads fit together. */
export function checkedSettings({
  settings,
  path,
}: {
  settings: RotaryDecoderSettings;
  /** The folder, for errors. */ path: string;
}): RotaryDecoderSettings {
  const { heads, keyValueHeads, headWidth } = settings;
  const fault =
    heads % keyValueHeads !== 0
      ? `${heads} attention heads cannot share ${keyValueHeads} key and value heads evenly.`
      : headWidth < 1
        ? `${heads} attention heads are more than the hidden_size that they share.`
        : headWidth % 2 !== 0
          ? `head_dim ${headWidth} is odd; rotary positions need pairs.`
          : settings.scaling.type === 'longrope' &&
              [settings.scaling.shortFactors, settings.scaling.longFactors].some(
                ({ length }) => length !== headWidth / 2,
              )
            ? `short_factor and long_factor must be lists of ${headWidth / 2} numbers, one for each pair of rotated dimensions.`
            : null;
  if (fault !== null) throw new ModelFolderError({ code: 'invalid-config', path, message: fault });
  return settings;
}

/** One Llama block under `scope` (`model.layers.N`). */
export function rotaryDecoderBlock({
  scope,
  settings,
}: {
  scope: ParameterScope;
  settings: RotaryDecoderSettings;
}): TransformerBlock {
  const { width, innerWidth, heads, keyValueHeads, headWidth, epsilon } = settings;
  const initialisation = { kind: 'normal', deviation: settings.initializerRange } as const;
  const linear = (name: string, inputWidth: number, outputWidth: number, bias: boolean) =>
    new LinearLayer({ scope: scope.child(name), inputWidth, outputWidth, bias, initialisation });
  return new TransformerBlock({
    attentionNorm: new RmsNormLayer({ scope: scope.child('input_layernorm'), width, epsilon }),
    attention: new SelfAttention({
      projection: new SeparateProjections({
        query: linear('self_attn.q_proj', width, heads * headWidth, settings.queryKeyValueBias),
        key: linear('self_attn.k_proj', width, keyValueHeads * headWidth, settings.queryKeyValueBias),
        value: linear('self_attn.v_proj', width, keyValueHeads * headWidth, settings.queryKeyValueBias),
      }),
      output: linear('self_attn.o_proj', heads * headWidth, width, settings.outputBias),
      heads,
      keyValueHeads,
      scale: 1 / Math.sqrt(headWidth),
    }),
    feedForwardNorm: new RmsNormLayer({ scope: scope.child('post_attention_layernorm'), width, epsilon }),
    feedForward: new GatedFeedForward({
      gate: linear('mlp.gate_proj', width, innerWidth, settings.feedForwardBias),
      up: linear('mlp.up_proj', width, innerWidth, settings.feedForwardBias),
      down: linear('mlp.down_proj', innerWidth, width, settings.feedForwardBias),
      activation: settings.activation,
    }),
  });
}

/**
 * A decoder with rotary positions, RMS norms and a gated feed-forward: Llama, Qwen2, and the language part of vision
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
  });
  const blocks = Array.from({ length: settings.layers }, (_, index) =>
    rotaryDecoderBlock({ scope: modelScope.child('layers').child(index), settings }),
  );
  const finalNorm = new RmsNormLayer({ scope: modelScope.child('norm'), width, epsilon });
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
    rotary: new RotaryEmbedding({ headWidth: settings.headWidth, theta: settings.theta, scaling: settings.scaling }),
    blocks,
    finalNorm,
    head,
    maxPositions: settings.maxPositions,
    keyValueWidth: settings.keyValueHeads * settings.headWidth,
  });
}
