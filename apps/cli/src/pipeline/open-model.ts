import type { ReasoningExample } from '@subtext/data';
import { createImageProcessor } from '@subtext/encoders';
import { isMultimodal } from '@subtext/model';
import { readConfig } from '@subtext/nn';
import {
  addModelTokens,
  createMethod,
  formatNamed,
  methodVisibility,
  openModel,
  Reasoner,
  stagesOf,
  type MethodSpecification,
  type ReasonerSettings,
  type VisibilityTable,
} from '@subtext/reasoner';
import { findModel, UsageError } from '@subtext/terminal';
import type { Tokenizer } from '@subtext/tokenizer';
import { interpreterGroups, interpreterTokens } from '@subtext/trainer';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { TrainConfiguration } from '../configuration/schema';
import { checkModelFits } from './check-model-fits';
import { shareTokenizer } from './interpreters';
import { openCheckpoint } from './open-checkpoint';
import { newModelTokens, newTokenizer } from './prepare-tokenizer';
import { readExamples } from './read-examples';

/** A reasoner before its training. */
export interface OpenedReasoner {
  reasoner: Reasoner;
  /** Ids of the tokens that have not been trained: those that were added, and the method's own. */
  newTokens: number[];
}

/** The reasoner that a configuration starts from: loaded or new, with every token that its method and its interpreters need. */
export async function openReasoner({
  configuration,
  method: specified,
  examples,
}: {
  configuration: TrainConfiguration;
  method: MethodSpecification;
  examples: readonly ReasoningExample[];
}): Promise<OpenedReasoner> {
  const method = createMethod(specified);
  const { stages, interpreters } = configuration;
  // Interpreters that are copies of the reasoner, or made to fit its tokenizer, have its tokens.
  const explained =
    interpreters && interpreterGroups({ method, stages, shared: interpreters.shared }).flatMap((group) => group.stages);
  const shared = explained && shareTokenizer(interpreters!) ? explained : undefined;
  const needs: TokenNeeds = {
    method: method.specialTokens({ stages }),
    interpreters: (tokenizer) => (shared ? interpreterTokens({ tokenizer, stages: shared }) : []),
  };
  const opened =
    configuration.model.from === undefined
      ? await makeReasoner({ configuration, specified, needs, examples })
      : await loadReasoner({ configuration, specified, needs, from: configuration.model.from });
  const { tokenizer } = opened.reasoner;
  return {
    ...opened,
    newTokens: [...new Set([...opened.newTokens, ...needs.method.map((token) => tokenizer.idOf(token))])],
  };
}

/** The tokens that a run needs beside those of its texts. */
interface TokenNeeds {
  method: readonly string[];
  interpreters: (tokenizer: Tokenizer) => string[];
}

interface OpenOptions {
  configuration: TrainConfiguration;
  specified: MethodSpecification;
  needs: TokenNeeds;
}

/** A checkpoint of Hugging Face's, or a reasoner of an earlier run, with the tokens that it lacks. */
async function loadReasoner({
  configuration,
  specified,
  needs,
  from,
}: OpenOptions & { from: string }): Promise<OpenedReasoner> {
  const {
    model: { imagePosition },
    stages,
    reasoningFormat,
    seed,
    interpreters,
  } = configuration;
  const folder = await findModel({ model: from });
  if (existsSync(join(folder, 'config.json')))
    checkModelFits({ config: await readConfig({ folder }), configuration, path: folder });
  const isCheckpoint = existsSync(join(folder, 'config.json')) && !existsSync(join(folder, 'subtext.json'));
  const { model, tokenizer, settings, processor } = isCheckpoint
    ? await openCheckpoint({
        folder,
        method: specified,
        imagePosition,
        thoughtReading: interpreters?.reading ?? 'before',
      })
    : await Reasoner.load({ folder });
  const marks = formatNamed(reasoningFormat)
    .tags({ stages })
    .filter((mark) => isUnknown({ tokenizer, mark }));
  const newTokens = addModelTokens({
    model,
    tokenizer,
    tokens: [...marks, ...needs.method, ...needs.interpreters(tokenizer)],
    seed,
  });
  return {
    newTokens,
    reasoner: new Reasoner({
      model,
      tokenizer,
      processor,
      settings: {
        ...settings,
        method: specified,
        stages: [...stages],
        reasoningFormat,
        // A model that has learnt under a table goes on under it, unless another is asked for.
        ...(configuration.visibility !== undefined && {
          visibility: visibilityOf({ configuration, specified, image: settings.image !== undefined }),
        }),
      },
    }),
  };
}

/** A new model with random weights, and a tokenizer over the words of its data. */
async function makeReasoner({
  configuration,
  specified,
  needs,
  examples,
}: OpenOptions & { examples: readonly ReasoningExample[] }): Promise<OpenedReasoner> {
  const { model: specification, stages, reasoningFormat, seed, interpreters } = configuration;
  const format = formatNamed(reasoningFormat);
  const further: ReasoningExample[] = [];
  for (const path of specification.vocabulary)
    for (const example of (await readExamples({ ...configuration.data, path, limit: undefined, categories: undefined }))
      .examples)
      further.push(example);
  // A base model may learn from answers alone: the steps that it will write later are in the further texts.
  const later = [...new Set([...stages, ...stagesOf(further)])];
  const tokenizer = newTokenizer({
    examples: [...examples, ...further],
    stages: later,
    format,
    methods: [createMethod(specified)],
    explained: interpreters !== undefined,
  });
  tokenizer.addTokens(needs.interpreters(tokenizer).filter((token) => !tokenizer.has(token)));
  const config = completeConfig({ config: specification.new!, tokenizer });
  checkModelFits({ config, configuration, path: 'model.new' });
  const model = await openModel({ kind: 'new', config, seed, initialisation: specification.initialisation });
  const settings: ReasonerSettings = {
    format: 1,
    method: specified,
    stages: [...stages],
    hiddenStages: [],
    reasoningFormat,
    prefix: [newModelTokens.begin],
    endToken: newModelTokens.end,
    image: isMultimodal(model)
      ? { token: newModelTokens.image, tokens: model.imageTokens, position: specification.imagePosition }
      : undefined,
    thoughtReading: interpreters?.reading ?? 'before',
    visibility: visibilityOf({ configuration, specified, image: isMultimodal(model) }),
    longestResponse: 0,
  };
  const processor = isMultimodal(model)
    ? createImageProcessor({ config: specification.processor ?? defaultProcessor(config) })
    : undefined;
  return { newTokens: [], reasoner: new Reasoner({ model, tokenizer, settings, processor }) };
}

/** The table of who sees whom that a configuration asks for. */
function visibilityOf({
  configuration: { visibility = 'all', stages },
  specified,
  image,
}: Pick<OpenOptions, 'configuration' | 'specified'> & { image: boolean }): VisibilityTable | undefined {
  return methodVisibility({ method: createMethod(specified), visibility, stages, image });
}

/** Whether a format's mark would be read as unknown words: it then needs a token of its own. */
function isUnknown({ tokenizer, mark }: { tokenizer: Tokenizer; mark: string }): boolean {
  const { unknownId } = tokenizer;
  return unknownId !== undefined && tokenizer.encode(mark, { addSpecialTokens: false }).ids.includes(unknownId);
}

/** A new model's config.json with what follows from the tokenizer. */
export function completeConfig({
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
    throw new UsageError('model.new.vision_config.image_size is missing: the side of the pictures in pixels.');
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
