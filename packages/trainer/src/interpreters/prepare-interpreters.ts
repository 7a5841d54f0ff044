import type { ReasoningExample } from '@subtext/data';
import {
  DecoderError,
  explanationContext,
  type InterpreterSettings,
  type InterpreterSpecification,
} from '@subtext/decoder';
import { saveModel } from '@subtext/model';
import { adapterWithTokens, addModelTokens, type Reasoner } from '@subtext/reasoner';
import { loadTokenizer, type Tokenizer } from '@subtext/tokenizer';
import { join } from 'node:path';

import { programSource, type ProgramSource } from '../loop/training-engine';
import { explanation, type ExplanationData, type ExplanationOptions } from '../objectives/explanation';
import { explanationText } from '../objectives/explanation-text';
import { methodObjectives, needsInterpreter } from '../objectives/method-objectives';
import type { ObjectiveUse } from '../objectives/objective';
import type { ProgramOptions } from '../program/program';
import { openInterpreterModel } from './interpreter-model';
import { interpreterGroups, type InterpreterOptions } from './interpreter-options';
import { checkVocabulary, interpreterTokens, SLOT_TOKEN } from './interpreter-tokens';

/** Interpreters that are ready to be trained. */
export interface PreparedInterpreters {
  /** The program that trains them, with their reasoner or beside it as it is: for `createProgram` and `train`. */
  source: ProgramSource;
  /** What it is trained on: for `reasonerPhases`. */
  objectives: ObjectiveUse[];
  interpreters: InterpreterSpecification[];
  settings: InterpreterSettings[];
  tokenizer: Tokenizer;
  /** Folders of their language models as they start. */
  initial: string[];
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
  blind = false,
}: {
  /** The reasoner whose thoughts are read, as it is before training, or trained in mode `after`. */
  reasoner: Reasoner;
  /** The same, for the program. */
  reasonerOptions: Pick<ProgramOptions, 'model' | 'frozen' | 'include'>;
  /** Of the data. */
  stages: readonly string[];
  examples: readonly ReasoningExample[];
  /** Gets a folder for each interpreter. */
  folder: string;
  seed: number;
  /** Tokens of the reasoner that have not been trained: a copy of it has them too. @default [] */
  newTokens?: readonly number[];
  interpreters?: InterpreterOptions;
  /** Whether they are trained on the thoughts of other examples, so that they can only guess: the control of those that read. Always as in mode `after`. @default false */
  blind?: boolean;
}): Promise<PreparedInterpreters> {
  const { method } = reasoner;
  const {
    shared = true,
    model: from = { kind: 'reasoner' },
    lora,
    weight = 1,
    share = 1,
    templates = 'brief',
    projector = 'linear',
    projectorDeviation = 0.02,
    reading = reasoner.settings.thoughtReading,
    withQuestion = !needsInterpreter(method),
    parts = false,
    learningRateScale = 1,
  } = options;
  const mode = blind ? 'after' : (options.mode ?? 'joint');
  if (needsInterpreter(method) && mode !== 'joint' && !blind) {
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
    ...(parts && { parts }),
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
  const explanations: ObjectiveUse = {
    name: explanation.name,
    options: { interpreters: specifications, weight: mode === 'after' ? 1 : weight } satisfies ExplanationOptions,
    data: {
      context: explanationContext({ tokenizer, settings: settings[0]! }),
      interpreterOf: (stage) => groups.findIndex((group) => group.stages.includes(stage)),
      interpreters: groups.length,
      reading,
      share,
      parts,
      shuffled: blind,
    } satisfies ExplanationData,
  };
  const objectives = mode === 'after' ? [explanations] : methodObjectives({ method, explanations });
  return {
    settings,
    initial,
    tokenizer,
    interpreters: specifications,
    objectives,
    // A reasoner that stays as it is has no loss of its own, and nothing passes back into it.
    source: programSource({ ...reasonerOptions, ...(mode === 'after' && { frozen: ['.'] }), objectives }),
  };
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
