import type { ModelStructure, RawConfig } from '@subtext/nn';

import type { LanguageModel } from '../language-model';
import type { RotaryDecoderSettings } from './rotary-decoder';

/**
 * Reads a text model's config, from its folder or from a vision model's `text_config`. Rejects unsupported keys by
 * name.
 */
export type TextSettingsReader = (options: {
  config: RawConfig;
  /** The folder, for error messages. */
  path: string;
  /** Location in the file. Default: the top level. */
  at?: string;
}) => RotaryDecoderSettings;

/** A model architecture: builds models from a config.json with its `model_type`. */
export interface ModelFamily<Model extends LanguageModel = LanguageModel> {
  /** Hugging Face's `model_type`. */
  modelType: string;
  /** transformers' class name, for the config of new models: `architectures: ['LlamaForCausalLM']`. */
  architecture: string;
  /**
   * Name prefix of everything but the head in checkpoints, such as `model`. Added to checkpoints saved from the bare
   * model, which lack it.
   */
  baseModelPrefix: string;
  /** Tensors in checkpoints to ignore: buffers. */
  ignore: readonly RegExp[];
  /** Reads the config of a text model that can be part of a vision model. */
  readTextSettings?: TextSettingsReader;
  /** Maps tensor names of older checkpoints to current ones. Default: unchanged. */
  rename?: (name: string) => string;
  /**
   * Validates the config and builds the model, declaring its parameters in `structure`. Rejects unsupported settings by
   * name.
   */
  build(options: {
    config: RawConfig;
    structure: ModelStructure;
    /** The folder, for error messages. */
    path: string;
  }): Model;
}
