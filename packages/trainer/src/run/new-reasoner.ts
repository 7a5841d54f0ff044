import type { ReasoningExample } from '@subtext/data';
import { createImageProcessor } from '@subtext/encoders';
import { isMultimodal, type LanguageModel } from '@subtext/model';
import {
  createMethod,
  FeedbackMap,
  formatNamed,
  methodVisibility,
  openModel,
  Reasoner,
  type ReasonerSettings,
  stagesOf,
  type VisibilityTable,
} from '@subtext/reasoner';
import type { Tokenizer } from '@subtext/tokenizer';

import { TrainerError } from '../errors';
import { checkModelFits } from './check-model-fits';
import { newModelTokens, newTokenizer } from './new-tokenizer';
import type { RunInterpreterOptions, RunModelOptions, TrainRunOptions } from './run-options';

/** A run before its model is open. */
export interface StartingRun extends Pick<TrainRunOptions, 'method' | 'visibility'> {
  model: RunModelOptions;
  stages: readonly string[];
  reasoningFormat: string;
  seed: number;
  interpreters?: RunInterpreterOptions;
  examples: readonly ReasoningExample[];
  /** Further texts whose words the tokenizer of a new model knows. */
  vocabulary: readonly ReasoningExample[];
  /** What tells whether the model fits into the machine. */
  memory: Omit<Parameters<typeof checkModelFits>[0], 'config' | 'path'>;
  /** Told what a person should know of the model's folder. */
  onNote?: (note: string) => void;
}

/** The tokens that a run needs beside those of its texts. */
export interface TokenNeeds {
  method: readonly string[];
  interpreters: (tokenizer: Tokenizer) => string[];
}

export interface OpenOptions {
  run: StartingRun;
  needs: TokenNeeds;
}

/** A new model with random weights, and a tokenizer over the words of its data. */
export async function newReasoner({ run, needs }: OpenOptions): Promise<Reasoner> {
  const { model: specification, stages, reasoningFormat, seed, interpreters, examples, vocabulary: further } = run;
  const given = specification.new;
  if (!given) throw new TrainerError({ code: 'invalid-option', message: 'model: give either "from" or "new".' });
  const format = formatNamed(reasoningFormat);
  // A base model may learn from answers alone: the steps that it will write later are in the further texts.
  const later = [...new Set([...stages, ...stagesOf(further)])];
  const tokenizer = newTokenizer({
    examples: [...examples, ...further],
    stages: later,
    format,
    methods: [createMethod(run.method)],
    explained: interpreters !== undefined,
  });
  tokenizer.addTokens(needs.interpreters(tokenizer).filter((token) => !tokenizer.has(token)));
  const config = completeConfig({ config: given, tokenizer });
  checkModelFits({ ...run.memory, config, path: 'model.new' });
  const model = await openModel({ kind: 'new', config, seed, initialisation: specification.initialisation });
  const settings: ReasonerSettings = {
    format: 1,
    method: run.method,
    stages: [...stages],
    hiddenStages: [],
    reasoningFormat,
    prefix: [newModelTokens.begin],
    endToken: newModelTokens.end,
    image: isMultimodal(model)
      ? { token: newModelTokens.image, tokens: model.imageTokens, position: specification.imagePosition ?? 'before' }
      : undefined,
    thoughtReading: interpreters?.reading ?? 'before',
    visibility: visibilityOf({ run, image: isMultimodal(model) }),
    longestResponse: 0,
  };
  const processor = isMultimodal(model)
    ? createImageProcessor({ config: specification.processor ?? defaultProcessor(config) })
    : undefined;
  return new Reasoner({ model, tokenizer, settings, processor, feedback: newHead({ run, model }) });
}

/** The latent head of a run's method, drawn by the run's seed; undefined where the method has none. */
export function newHead({
  run: { method, seed },
  model,
}: {
  run: StartingRun;
  model: LanguageModel;
}): FeedbackMap | undefined {
  return createMethod(method).latentHead === true ? FeedbackMap.createHead({ model, seed }) : undefined;
}

/** The visibility table that a run asks for. */
export function visibilityOf({
  run: { visibility = 'all', stages, method },
  image,
}: {
  run: StartingRun;
  /** Whether examples may have a picture. */ image: boolean;
}): VisibilityTable | undefined {
  return methodVisibility({ method: createMethod(method), visibility, stages, image });
}

/** A new model's config.json with what follows from the tokenizer. */
function completeConfig({
  config,
  tokenizer,
}: {
  config: Record<string, unknown>;
  tokenizer: Tokenizer;
}): Record<string, unknown> {
  const ids = { bos_token_id: tokenizer.beginId, eos_token_id: tokenizer.endId, pad_token_id: tokenizer.paddingId };
  const text = { vocab_size: tokenizer.vocabularySize, ...ids };
  if (typeof config.text_config !== 'object' || config.text_config === null) return { ...config, ...text };
  const imageKey = cutsTiles(config) ? 'image_token_id' : 'image_token_index';
  return {
    ...config,
    [imageKey]: tokenizer.idOf(newModelTokens.image),
    text_config: { ...config.text_config, ...text },
  };
}

/** Whether a model is of the family whose pictures are cut into tiles that stand in the prompt. */
function cutsTiles({ model_type: type }: Record<string, unknown>): boolean {
  return type === 'idefics3' || type === 'smolvlm';
}

/** Pictures resized to the encoder's size (Mllama: laid into its tiles), with values from −1 to 1. */
function defaultProcessor(config: Record<string, unknown>): Record<string, unknown> {
  const { image_size: size, max_num_tiles: tiles = 4 } = (config.vision_config ?? {}) as {
    image_size?: number;
    max_num_tiles?: number;
  };
  if (size === undefined)
    throw new TrainerError({
      code: 'invalid-option',
      message: 'model.new.vision_config.image_size is missing: the side of the pictures in pixels.',
    });
  const values = {
    do_resize: true,
    do_rescale: true,
    do_normalize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  };
  if (cutsTiles(config))
    return {
      image_processor_type: 'Idefics3ImageProcessor',
      size: { longest_edge: size },
      max_image_size: { longest_edge: size },
      do_image_splitting: false,
      do_pad: true,
      ...values,
    };
  if (config.model_type === 'mllama')
    return {
      image_processor_type: 'MllamaImageProcessor',
      size: { height: size, width: size },
      max_image_tiles: tiles,
      do_pad: true,
      ...values,
    };
  return {
    image_processor_type: 'CLIPImageProcessor',
    size: { height: size, width: size },
    do_center_crop: false,
    ...values,
  };
}
