import type { ModelStructure, RawConfig } from '@subtext/nn';

import type { LanguageModel } from '../language-model';
import type { RotaryDecoderSettings } from './rotary-decoder';

/** Reads a text model's config, of a folder or of a vision model's `text_config`. Refuses by name what is not honoured. */
export type TextSettingsReader = (options: {
  config: RawConfig;
  /** The folder, for errors. */
  path: string;
  /** Where in the file. Default the top. */
  at?: string;
}) => RotaryDecoderSettings;

/** An architecture: how a config.json of its `model_type` becomes a model. */
export interface ModelFamily<Model extends LanguageModel = LanguageModel> {
  /** Hugging Face's `model_type`. */
  modelType: string;
  /** transformers' class for it, for a new model's config: `architectures: ['LlamaForCausalLM']`. */
  architecture: string;
  /**
   * The prefix under which the checkpoint keeps everything but the head, such as `model`. Checkpoints saved from the bare
   * model lack it; it is put back.
   */
  baseModelPrefix: string;
  /** Tensors that checkpoints may hold and that change nothing: buffers. */
  ignore: readonly RegExp[];
  /** Of a text model that can be a vision model's language part: how its config is read. */
  readTextSettings?: TextSettingsReader;
  /** The name of a tensor in older checkpoints, turned into today's. Default: as it is. */
  rename?: (name: string) => string;
  /**
   * Checks the config and puts the model together, declaring its parameters in `structure`. Refuses by name whatever the
   * config asks for that is not honoured.
   */
  build(options: {
    config: RawConfig;
    structure: ModelStructure;
    /** The folder, for errors. */
    path: string;
  }): Model;
}
