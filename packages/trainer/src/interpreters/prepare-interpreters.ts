import type { ReasoningExample } from '@subtext/data';
import {
  DecoderError,
  Explainer,
  explanationContext,
  type ThoughtReading,
  Interpreter,
  type InterpreterSpecification,
  type InterpreterSettings,
  Projector,
} from '@subtext/decoder';
import { createModel, type LanguageModel, loadModel, saveModel, textModelOf } from '@subtext/model';
import { addLora, type LoraSettings, mergeLora, saveAdapter } from '@subtext/nn';
import {
  type AdapterTokens,
  adapterWithTokens,
  addModelTokens,
  type Reasoner,
  type ReasoningMethod,
  taggedFormat,
} from '@subtext/reasoner';
import { loadTokenizer, type Tokenizer } from '@subtext/tokenizer';
import { join } from 'node:path';

import type { ReasonerProgramOptions } from '../programs/reasoner-program';
import type { TrainingProgram } from '../programs/training-program';
import type { JointProgramOptions } from './joint-program';
import { explanationText } from './explanation-text';
import type { ExplanationData } from './joint-phases';

/** The token that holds a thought's place in an interpreter's prompt. */
export const SLOT_TOKEN = '<thought>';

/** What interpreters are and how they learn. */
export interface InterpreterOptions {
  /** `joint`: with the reasoner, whose thoughts are made readable. `after`: on a reasoner that has been trained and stays as it is. @default 'joint' */
  mode?: 'joint' | 'after';
  /** One interpreter for all stages instead of one each. @default true */
  shared?: boolean;
  /** What they start from: a copy of the reasoner's language part, a model's folder with its own tokenizer, or a config.json with random weights. @default { kind: 'reasoner' } */
  model?: { kind: 'reasoner' } | { kind: 'folder'; folder: string } | { kind: 'new'; config: Record<string, unknown> };
  /** A low-rank adapter to train in the models' place. @default none */
  lora?: Omit<LoraSettings, 'tokens'> & {
    /** How tokens that are new learn beside it. @default 'rows' */ tokens?: AdapterTokens;
  };
  /** Of the interpreters' loss beside the reasoner's in `joint` mode. @default 1 */
  weight?: number;
  /** Share of a batch's thoughts that are explained in a step. @default 1 */
  share?: number;
  /** Set of prompt templates. @default 'brief' */
  templates?: string;
  /** @default 'linear' */
  projector?: 'linear' | 'mlp';
  /** Standard deviation of what the projector gives at first: that of the embeddings. @default 0.02 */
  projectorDeviation?: number;
  /** Where a thought is read. @default the reasoner's `thoughtReading` */
  reading?: ThoughtReading;
  /** Whether the question stands in the prompt: SIM-CoT's does not. @default true, but false for a method that needs an interpreter */
  withQuestion?: boolean;
  /** Multiplies the phases' learning rate. @default 1 */
  learningRateScale?: number;
}

/** Interpreters that are ready to be trained. */
export interface PreparedInterpreters {
  /** For `createProgram` and `train`, with `jointProgramModule`. */
  program: JointProgramOptions;
  /** For `jointPhases`. */
  explanations: ExplanationData;
  settings: InterpreterSettings[];
  tokenizer: Tokenizer;
  /** Folders of their language models as they start. */
  initial: string[];
}

/** The interpreters that a method's thoughts ask for, with their stages. Throws `invalid-option` where it has no thoughts that could be told. */
export function interpreterGroups({
  method,
  stages,
  shared = true,
}: {
  method: ReasoningMethod;
  /** Of the data. */ stages: readonly string[];
  /** @default true */ shared?: boolean;
}): { name: string; stages: string[] }[] {
  const told = [...(method.thoughtStages?.({ stages }) ?? stages)];
  if (told.length === 0) {
    throw new DecoderError({
      code: 'invalid-option',
      message: `The method "${method.name}"${stages.length === 0 ? ', with data without steps,' : ''} holds no step in thoughts, so that interpreters have nothing to put into words. Leave "interpreters" out, or take a method that hides steps (heima, coconut, codi, sim-cot, adaptive).`,
    });
  }
  return shared ? [{ name: 'shared', stages: told }] : told.map((stage) => ({ name: stage, stages: [stage] }));
}

/**
 * Opens or makes the interpreters' language models with every token that they need, writes them to `folder`, where workers
 * read them, and says how they are trained.
 */
export async function prepareInterpreters({
  reasoner,
  reasonerOptions,
  stages,
  examples,
  folder,
  seed,
  newTokens = [],
  interpreters: options = {},
}: {
  /** The reasoner whose thoughts are read, as it is before training, or trained in mode `after`. */
  reasoner: Reasoner;
  /** The same, for the program. */
  reasonerOptions: ReasonerProgramOptions;
  /** Of the data. */
  stages: readonly string[];
  examples: readonly ReasoningExample[];
  /** Gets a folder for each interpreter. */
  folder: string;
  seed: number;
  /** Tokens of the reasoner that have not been trained: a copy of it has them too. @default [] */
  newTokens?: readonly number[];
  interpreters?: InterpreterOptions;
}): Promise<PreparedInterpreters> {
  const { method } = reasoner;
  const {
    mode = 'joint',
    shared = true,
    model: from = { kind: 'reasoner' },
    lora,
    weight = 1,
    share = 1,
    templates = 'brief',
    projector = 'linear',
    projectorDeviation = 0.02,
    reading = reasoner.settings.thoughtReading,
    withQuestion = method.needsInterpreter !== true,
    learningRateScale = 1,
  } = options;
  if (method.needsInterpreter && mode !== 'joint') {
    throw new DecoderError({
      code: 'invalid-option',
      message: `The method "${method.name}" supervises its thoughts while they are learned: train its interpreters in mode "joint", not "${mode}".`,
    });
  }
  const groups = interpreterGroups({ method, stages, shared });
  const own = from.kind === 'folder';
  const tokenizer = own ? await loadTokenizer({ folder: from.folder }) : reasoner.tokenizer;
  const told = groups.flatMap((group) => group.stages);
  const endToken = own ? endOf({ tokenizer, folder: from.folder }) : reasoner.settings.endToken;
  // What the tokenizer puts around nothing: `<s>` for Llama, nothing for GPT-2.
  const prefix = own
    ? tokenizer
        .encode('')
        .ids.map((id) => tokenizer.tokenOf(id))
        .filter((token) => token !== endToken)
    : reasoner.settings.prefix;
  const width = reasoner.model.dimensions.width;
  const specifications: InterpreterSpecification[] = [];
  const initial: string[] = [];
  let ids = newTokens;
  if (!own) checkVocabulary({ tokenizer, stages: told });
  for (const [index, { name }] of groups.entries()) {
    const model = await openInterpreterModel({ from, reasoner, tokenizer, seed: seed + 1 + index });
    if (own) {
      // Each copy of the folder gets the same tokens; the first one's tokenizer is kept.
      const fresh = index === 0 ? tokenizer : await loadTokenizer({ folder: from.folder });
      ids = addModelTokens({
        model,
        tokenizer: fresh,
        tokens: interpreterTokens({ tokenizer: fresh, stages: told }),
        seed,
      });
    }
    const target = join(folder, name);
    await saveModel({ model, folder: target });
    model.dispose();
    initial.push(target);
  }
  for (const [index, { name, stages: ofGroup }] of groups.entries()) {
    specifications.push({
      name,
      stages: ofGroup,
      model: {
        kind: 'folder',
        folder: initial[index]!,
        lora: lora && { ...adapterWithTokens({ lora, tokens: lora.tokens ?? 'rows', ids }), seed },
      },
      projector: { inputWidth: width, kind: projector, outputDeviation: projectorDeviation, seed: seed + 1 + index },
      learningRateScale,
    });
  }
  const base = {
    format: 1 as const,
    kind: 'interpreter' as const,
    templates,
    withQuestion,
    slotToken: SLOT_TOKEN,
    prefix,
    endToken,
    reading,
    projector: { kind: projector, inputWidth: width },
    mode,
  };
  const layoutContext = reasoner.layoutContext();
  const textOf = (example: ReasoningExample, stage: string) =>
    explanationText({ method, example, stage, context: layoutContext });
  const settings = groups.map(({ name, stages: ofGroup }): InterpreterSettings => ({
    ...base,
    name,
    stages: ofGroup,
    longestExplanation: examples.reduce(
      (longest, example) =>
        Math.max(
          longest,
          ...ofGroup.map((stage) => {
            const text = textOf(example, stage);
            return text === undefined ? 0 : tokenizer.encode(text, { addSpecialTokens: false }).ids.length + 1;
          }),
        ),
      0,
    ),
  }));
  return {
    settings,
    initial,
    tokenizer,
    program: { reasoner: reasonerOptions, interpreters: specifications, mode, interpreterWeight: weight },
    explanations: {
      context: explanationContext({ tokenizer, settings: settings[0]! }),
      interpreterOf: (stage) => groups.findIndex((group) => group.stages.includes(stage)),
      interpreters: groups.length,
      reading,
      share,
    },
  };
}

/** The slot, and the tags that open explanations where the vocabulary cannot write them. */
export function interpreterTokens({
  tokenizer,
  stages,
}: {
  tokenizer: Tokenizer;
  stages: readonly string[];
}): string[] {
  const { unknownId } = tokenizer;
  const openings = stages.map((name, index) => taggedFormat.step({ name, index }).open);
  return [
    SLOT_TOKEN,
    ...openings.filter(
      (mark) => unknownId !== undefined && tokenizer.encode(mark, { addSpecialTokens: false }).ids.includes(unknownId),
    ),
  ];
}

function endOf({ tokenizer, folder }: { tokenizer: Tokenizer; folder: string }): string {
  const { endId } = tokenizer;
  if (endId === undefined)
    throw new DecoderError({
      code: 'invalid-option',
      message: `${folder} names no token that ends a text: give its tokenizer_config.json an eos_token.`,
    });
  return tokenizer.tokenOf(endId);
}

/** Refuses a reasoner whose vocabulary, which its interpreters share, lacks what they need: its model would have to grow after it was written. */
function checkVocabulary({ tokenizer, stages }: { tokenizer: Tokenizer; stages: readonly string[] }): void {
  const missing = interpreterTokens({ tokenizer, stages }).filter((token) => !tokenizer.has(token));
  if (missing.length === 0) return;
  throw new DecoderError({
    code: 'invalid-option',
    message: `The reasoner's vocabulary, which its interpreters share, lacks ${missing.join(', ')}. Add them before the reasoner is saved: addModelTokens({ model, tokenizer, tokens: interpreterTokens({ tokenizer, stages }) }).`,
  });
}

/** The language model that an interpreter starts from. */
async function openInterpreterModel({
  from,
  reasoner,
  tokenizer,
  seed,
}: {
  from: NonNullable<InterpreterOptions['model']>;
  reasoner: Reasoner;
  tokenizer: Tokenizer;
  seed: number;
}): Promise<LanguageModel> {
  if (from.kind === 'reasoner') return textModelOf({ model: reasoner.model });
  if (from.kind === 'folder') return loadModel({ folder: from.folder });
  // Made to fit the reasoner's tokenizer.
  return createModel({
    config: {
      ...from.config,
      vocab_size: tokenizer.vocabularySize,
      bos_token_id: tokenizer.beginId,
      eos_token_id: tokenizer.endId,
      pad_token_id: tokenizer.paddingId,
    },
    seed,
  });
}

/** Saves the trained interpreters, each to its folder: the model, with an adapter merged in and the adapter by itself, its own tokenizer, the projector. */
export async function saveInterpreters({
  prepared,
  program,
  folders,
  seed,
  baseModel = null,
}: {
  prepared: PreparedInterpreters;
  program: TrainingProgram;
  /** One for each interpreter. */
  folders: readonly string[];
  seed: number;
  /** What the adapter's config names as the model beneath it. @default null */
  baseModel?: string | null;
}): Promise<void> {
  for (const [index, specification] of prepared.program.interpreters.entries()) {
    const folder = folders[index]!;
    const model = await loadModel({ folder: prepared.initial[index]! });
    const { lora } = specification.model as { lora?: LoraSettings & { trainTokens?: boolean } };
    if (lora) addLora({ model, ...lora, seed });
    const projector = new Projector({ ...specification.projector, outputWidth: model.dimensions.width });
    const prefix = `interpreters/${specification.name}`;
    for (const { name, variable } of program.parameters) {
      if (name.startsWith(`${prefix}/model/`))
        model.parameters.get(name.slice(`${prefix}/model/`.length)).assign(variable);
      if (name.startsWith(`${prefix}/projector/`))
        projector.parameters.get(name.slice(`${prefix}/projector/`.length)).assign(variable);
    }
    if (lora) {
      const adapter = join(folder, 'adapter');
      await saveAdapter({ model, folder: adapter, baseModel });
      await prepared.tokenizer.save({ folder: adapter });
      mergeLora({ model });
    }
    const explainer = new Explainer({
      interpreter: Interpreter.of({ name: specification.name, stages: specification.stages, model, projector }),
      tokenizer: prepared.tokenizer,
      settings: prepared.settings[index]!,
    });
    await explainer.save({ folder });
    explainer.dispose();
  }
}
