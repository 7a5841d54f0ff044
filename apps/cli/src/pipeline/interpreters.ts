import { Explainer, explanationContext, type ExplanationData, Interpreter, type InterpreterSettings, type InterpreterSpecification, type JointProgramOptions, Projector } from '@subtext/decoder';
import type { ReasoningExample } from '@subtext/data';
import { createModel, type LanguageModel, loadModel, saveModel, textModelOf } from '@subtext/model';
import { findModel } from '@subtext/terminal';
import { loadTokenizer, type Tokenizer } from '@subtext/tokenizer';
import type { Reasoner, ReasonerProgramOptions, TrainingProgram } from '@subtext/trainer';
import { join } from 'node:path';

import type { TrainConfiguration } from '../configuration/schema';
import { completeConfig } from './open-model';
import { newModelTokens } from './prepare-tokenizer';
import { assignParameters } from './assign-parameters';

/** `interpreters.model.from`: a copy of the reasoner's language part. */
const fromReasoner = 'reasoner';

type InterpretersConfiguration = NonNullable<TrainConfiguration['interpreters']>;

/** Interpreters that are ready to be trained. */
export interface PreparedInterpreters {
  program: JointProgramOptions;
  explanations: ExplanationData;
  settings: InterpreterSettings[];
  /** Folders of their language models as they start. */
  initial: string[];
  folders: string[];
}

/** Names of the interpreters that a configuration asks for, with their stages. */
function groupsOf({ configuration, interpreters }: { configuration: TrainConfiguration; interpreters: InterpretersConfiguration }): { name: string; stages: string[] }[] {
  return interpreters.shared ? [{ name: 'shared', stages: [...configuration.stages] }] : configuration.stages.map((stage) => ({ name: stage, stages: [stage] }));
}

/** The folders that a configuration's interpreters are saved to. */
export function interpreterFolders({ configuration, interpreters }: { configuration: TrainConfiguration; interpreters: InterpretersConfiguration }): string[] {
  return groupsOf({ configuration, interpreters }).map(({ name }) => join(configuration.output, 'reasoner', 'interpreters', name));
}

/** Opens or makes the interpreters' language models and says how they are trained. */
export async function prepareInterpreters({
  configuration,
  interpreters,
  reasoner,
  reasonerOptions,
  examples,
}: {
  configuration: TrainConfiguration;
  interpreters: InterpretersConfiguration;
  reasoner: Reasoner;
  reasonerOptions: ReasonerProgramOptions;
  examples: readonly ReasoningExample[];
}): Promise<PreparedInterpreters> {
  const { seed, output } = configuration;
  const groups = groupsOf({ configuration, interpreters });
  const { from } = interpreters.model;
  const tokenizer = from === undefined || from === fromReasoner ? reasoner.tokenizer : await loadTokenizer(await findModel({ model: from }));
  const width = reasoner.model.dimensions.width;
  const specifications: InterpreterSpecification[] = [];
  const initial: string[] = [];
  for (const [index, { name, stages }] of groups.entries()) {
    const folder = join(output, 'initial', 'interpreters', name);
    const model = await openInterpreterModel({ interpreters, reasoner, tokenizer, seed: seed + 1 + index });
    await saveModel({ model, folder });
    model.dispose();
    initial.push(folder);
    specifications.push({
      name,
      stages,
      model: { kind: 'folder', folder, lora: interpreters.model.lora && { ...interpreters.model.lora, seed } },
      projector: { inputWidth: width, kind: interpreters.projector, outputDeviation: interpreters.projectorDeviation, seed: seed + 1 + index },
      learningRateScale: interpreters.learningRateScale,
    });
  }
  const base = {
    format: 1 as const,
    kind: 'interpreter' as const,
    templates: interpreters.templates,
    withQuestion: interpreters.withQuestion,
    slotToken: newModelTokens.slot,
    prefix: reasoner.settings.prefix,
    endToken: reasoner.settings.endToken,
    reading: interpreters.reading,
    projector: { kind: interpreters.projector, inputWidth: width },
    mode: interpreters.mode,
  };
  const settings = groups.map(({ name, stages }): InterpreterSettings => ({
    ...base,
    name,
    stages,
    longestExplanation: examples.reduce(
      (longest, { steps }) => Math.max(longest, ...steps.filter((step, place) => stages.includes(step.name ?? `step_${place + 1}`)).map(({ text }) => tokenizer.encode(text, { addSpecialTokens: false }).ids.length + 1)),
      0,
    ),
  }));
  return {
    settings,
    initial,
    folders: interpreterFolders({ configuration, interpreters }),
    program: { reasoner: reasonerOptions, interpreters: specifications, mode: interpreters.mode, interpreterWeight: interpreters.weight },
    explanations: {
      context: explanationContext({ tokenizer, settings: settings[0]! }),
      interpreterOf: (stage) => groups.findIndex(({ stages }) => stages.includes(stage)),
      interpreters: groups.length,
      reading: interpreters.reading,
      share: interpreters.share,
    },
  };
}

/** The language model that an interpreter starts from. */
async function openInterpreterModel({ interpreters, reasoner, tokenizer, seed }: { interpreters: InterpretersConfiguration; reasoner: Reasoner; tokenizer: Tokenizer; seed: number }): Promise<LanguageModel> {
  const { from, new: fresh } = interpreters.model;
  if (from === fromReasoner) return textModelOf({ model: reasoner.model });
  if (from !== undefined) return loadModel({ folder: await findModel({ model: from }) });
  return createModel({ config: completeConfig({ config: fresh!, tokenizer }), seed });
}

/** Saves the trained interpreters as folders beside the reasoner. */
export async function saveInterpreters({ prepared, program, reasoner }: { prepared: PreparedInterpreters; program: TrainingProgram; reasoner: Reasoner }): Promise<void> {
  for (const [index, specification] of prepared.program.interpreters.entries()) {
    const settings = prepared.settings[index]!;
    const model = await loadModel({ folder: prepared.initial[index]! });
    const projector = new Projector({ ...specification.projector, outputWidth: model.dimensions.width });
    const prefix = `interpreters/${specification.name}`;
    assignParameters({ program, prefix: `${prefix}/model/`, parameters: model.parameters });
    assignParameters({ program, prefix: `${prefix}/projector/`, parameters: projector.parameters });
    const explainer = new Explainer({
      interpreter: Interpreter.of({ name: specification.name, stages: specification.stages, model, projector }),
      tokenizer: reasoner.tokenizer,
      settings,
    });
    await explainer.save(prepared.folders[index]!);
    explainer.dispose();
  }
}
