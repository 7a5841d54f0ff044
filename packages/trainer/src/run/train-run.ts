import { includeModules } from '@subtext/core/node';
import { createMethod, PictureStore, Reasoner } from '@subtext/reasoner';
import { join } from 'node:path';

import { RunFolder, type RunIdentity } from '../checkpoint/run-folder';
import { TrainerError } from '../errors';
import { identifyRun } from '../identity/identify-run';
import { interpreterGroups, type InterpreterPart } from '../interpreters/interpreter-options';
import { prepareInterpreters } from '../interpreters/prepare-interpreters';
import { saveInterpreters } from '../interpreters/save-interpreters';
import { createProgram, programSource } from '../loop/training-engine';
import { methodObjectives, needsInterpreter } from '../objectives/method-objectives';
import { checkLengths } from '../phases/check-lengths';
import { measureLayouts } from '../phases/measure-layouts';
import { checkExamples, reasonerPhases } from '../phases/reasoner-phases';
import type { ReasonerData } from '../sources/laid-out-examples';
import { adapterOf } from './adapter-of';
import { asRank } from './as-rank';
import { cardSubject } from './card-subject';
import { carryOut, type Trainable } from './carry-out';
import { frozenBytes } from './check-model-fits';
import { workersOf } from './machine';
import type { StartingRun } from './new-reasoner';
import { openReasoner } from './open-reasoner';
import { numbersIn } from './numbers-in';
import { planPhases } from './plan-phases';
import { checkReinforcement, openReinforcement, reinforcementPlan } from './reinforce';
import { resolveStages } from './resolve-stages';
import type { RunInterpreterOptions, SavedModel, TrainRunOptions, TrainRunResult } from './run-options';
import { trainingRegistries } from './registries';
import { saveReasoner } from './save-reasoner';
import { trainAfter } from './train-after';
import { checkDrawer } from './train-drawer';
import { checkPartsAfter, partsAfter } from './train-interpreters';
import { trainingDefaults } from './training-options';

/** A run with what follows from its options. */
interface PlannedRun {
  options: TrainRunOptions;
  method: ReturnType<typeof createMethod>;
  stages: readonly string[];
  identity: RunIdentity;
  seed: number;
  shards: number;
  interpreters?: RunInterpreterOptions;
  /** Of a run by rewards. */
  rewarded?: ReturnType<typeof checkReinforcement>;
  /** The folders that interpreters are saved to, those that read or the blind ones. */
  foldersOf: (part: InterpreterPart) => string[];
}

/**
 * Trains a reasoner as its options say, from opening or making its model to saving it, with its interpreters: through the
 * phases of its method, resumed where it was interrupted, and not repeated where it is finished. The engine is the one in
 * use (`useEngine`).
 *
 * @throws TrainerError `invalid-option`, `empty-set`, `example-too-long`, `does-not-fit`, `run-exists`, `locked`, and what
 *   training throws
 */
export async function trainRun(options: TrainRunOptions): Promise<TrainRunResult> {
  return asRank({ options, run: trainAsRank });
}

async function trainAsRank(options: TrainRunOptions): Promise<TrainRunResult> {
  await includeModules({ paths: options.include ?? [], registries: trainingRegistries });
  checkExamples(options);
  const method = createMethod(options.method);
  const stages = resolveStages({ stages: options.stages, examples: options.examples });
  const { model, training = {}, reinforcement, seed, visibility, reasoningFormat } = options;
  const rewarded = reinforcement && checkReinforcement({ options, reinforcement });
  // SIM-CoT's: a copy of the reasoner, which sees a step's thoughts and nothing else.
  const interpreters = options.interpreters ?? (needsInterpreter(method) && !reinforcement ? {} : undefined);
  const groups =
    interpreters && interpreters.keep !== false
      ? interpreterGroups({ method, stages, shared: interpreters.shared })
      : [];
  const identity = options.identity ?? (await identifyRun({ options, stages }));
  const record = options.record ?? {
    ...{ seed, stages, reasoningFormat, method: options.method, visibility },
    ...{ model, training, reinforcement, interpreters: options.interpreters },
  };
  const planned: PlannedRun = {
    options: { ...options, record },
    method,
    stages,
    identity,
    seed: options.seed ?? 1,
    shards: options.training?.shards ?? trainingDefaults.shards,
    interpreters,
    rewarded,
    foldersOf: (part) => groups.map(({ name }) => join(options.folder, 'reasoner', part, name)),
  };
  return carryOut({
    settings: planned.options,
    identity,
    training,
    interpreters: planned.foldersOf('interpreters'),
    open: () => openRun(planned),
  });
}

/** Opens the model and looks at every example, before anything is written. */
async function openRun(planned: PlannedRun): Promise<(options: { work: string }) => Promise<Trainable>> {
  const { options, method, stages, identity, seed, shards, interpreters } = planned;
  const { model, training = {}, reinforcement } = options;
  if ((model.dtype ?? 'float32') !== 'float32' && (model.from === undefined || model.lora === undefined))
    throw new TrainerError({
      code: 'invalid-option',
      message: `Weights that are stored as ${model.dtype} (model.dtype) do not train: ${model.from === undefined ? 'a new model has to be float32' : 'give an adapter (model.lora) to train over them'}.`,
    });
  // Interpreters that come after have a folder of their own in it: what is wrong there is said before anything is trained.
  checkPartsAfter({ interpreters, training, shards });
  checkDrawer({ drawer: options.drawer, method, stages, examples: options.examples });
  for (const part of partsAfter(interpreters))
    await RunFolder.inspect({ folder: join(options.folder, part), ...identity, overwrite: true });
  const starting: StartingRun = {
    model,
    method: options.method,
    visibility: options.visibility,
    stages,
    reasoningFormat: options.reasoningFormat ?? 'tagged',
    seed,
    interpreters,
    examples: options.examples,
    vocabulary: options.vocabulary ?? [],
    memory: {
      partly: model.lora !== undefined || (model.frozen ?? []).length > 0 || interpreters?.mode === 'after',
      shards,
      workers: workersOf({ workers: options.workers, shards, collective: options.collective }),
    },
    onNote: (notice) => options.onEvent?.({ event: 'notice', notice }),
  };
  const { reasoner: opened, newTokens } = await openReasoner(starting);
  const curriculum = method.curriculum({ stages });
  const phases = reinforcement ? curriculum.slice(-1) : curriculum;
  const context = opened.layoutContext();
  const { maxPositions } = opened.model.dimensions;
  const lengths = { phases, maxPositions };
  checkLengths({ ...lengths, data: { examples: options.heldOut ?? [], method, context } });
  const { examples, tooLong } = checkLengths({
    ...lengths,
    data: { examples: options.examples, method, context },
    mayLeaveOut: options.mayLeaveOut ?? 0,
  });
  if (tooLong.length > 0) options.onEvent?.({ event: 'too-long', tooLong, of: options.examples.length, maxPositions });
  const measured = measureLayouts({ data: { examples, method, context }, phases });
  const reasoner = new Reasoner({
    model: opened.model,
    tokenizer: opened.tokenizer,
    processor: opened.processor,
    feedback: opened.feedback,
    settings: {
      ...opened.settings,
      hiddenStages: [...(phases.at(-1)?.hiddenStages ?? [])],
      longestResponse: measured.longestResponse,
    },
  });
  const data: ReasonerData = {
    examples,
    method,
    context,
    pictures: reasoner.processor && new PictureStore({ processor: reasoner.processor }),
    seed,
    shards,
  };
  const plans = reinforcement
    ? reinforcementPlan({ phases, reinforcement, training })
    : planPhases({ phases, examples: examples.length, training });
  return ({ work }) => buildRun({ planned, reasoner, newTokens, data, plans, measured, work });
}

/** The program of a run, its phases, and how what it trained is saved. */
async function buildRun({
  planned: { options, method, stages, seed, interpreters, rewarded, foldersOf },
  reasoner,
  newTokens,
  data,
  plans,
  measured,
  work,
}: {
  planned: PlannedRun;
  reasoner: Reasoner;
  newTokens: readonly number[];
  data: ReasonerData;
  plans: ReturnType<typeof planPhases>;
  measured: ReturnType<typeof measureLayouts>;
  work: string;
}): Promise<Trainable> {
  const { model, heldOut, include } = options;
  const initial = join(work, 'initial', 'reasoner');
  await reasoner.save({ folder: initial });
  const lora = await adapterOf({ options, reasoner, newTokens, data, plans, seed });
  const reasonerOptions = {
    model: {
      kind: 'folder' as const,
      folder: initial,
      lora,
      dtype: model.dtype,
      recompute: options.training?.recompute,
    },
    frozen: model.frozen,
    include,
  };
  const baseModel = interpreters?.model?.kind === 'folder' ? interpreters.model.folder : null;
  const joint =
    interpreters && (interpreters.mode ?? 'joint') === 'joint'
      ? await prepareInterpreters({
          reasoner,
          reasonerOptions,
          stages,
          examples: data.examples,
          folder: join(work, 'initial', 'interpreters'),
          seed,
          newTokens,
          interpreters,
        })
      : undefined;
  const onNotice = (notice: string) => options.onEvent?.({ event: 'notice', notice });
  const shared = { ...reasonerOptions, reasoner, data, plans, onNotice };
  const byRewards = rewarded && (await openReinforcement({ ...shared, ...rewarded }));
  const objectives = byRewards?.objectives ?? joint?.objectives ?? methodObjectives({ method });
  const source = joint?.source ?? programSource({ ...reasonerOptions, objectives });
  const program = byRewards?.program ?? (await createProgram(source));
  const { heaviest } = measured;
  const { elementCount } = reasoner.model.parameters;
  return {
    source,
    program,
    phases: byRewards?.phases ?? reasonerPhases({ plans, data, objectives, heldOut }),
    method: options.method,
    subject: (kind) => cardSubject({ kind, options, reasoner, data, plans, seed }),
    rows: plans.map(({ batchSize }) => batchSize),
    tokens: measured.tokens,
    longestRow: async () =>
      byRewards?.longestRow(heaviest!.example) ??
      (
        await reasonerPhases({
          plans: [{ ...plans.find(({ phase }) => phase === heaviest!.phase)!, batchSize: 1 }],
          data: { ...data, examples: [heaviest!.example], shards: 1 },
          objectives,
        })[0]!.source.batch(0)
      )[0],
    besides: {
      parameters: elementCount + (joint ? await numbersIn(joint.initial) : 0),
      other: elementCount,
      frozenBytes: frozenBytes[model.dtype ?? 'float32'],
    },

    async save({ outcome, loop }) {
      const folder = join(options.folder, 'reasoner');
      await saveReasoner({ program, reasoner, folder, lora, baseModel: model.from ?? null });
      if (joint && interpreters?.keep !== false)
        await saveInterpreters({ prepared: joint, program, folders: foldersOf('interpreters'), seed, baseModel });
      reasoner.dispose();
      const after = await trainAfter({
        run: options,
        interpreters: interpreters && {
          ...interpreters,
          // Blind ones beside interpreters that learnt with the reasoner: as many steps as those had thoughts to read.
          ...(joint && {
            schedule: { steps: plans.reduce((sum, { phase, steps }) => sum + (phase.kind === 'text' ? 0 : steps), 0) },
          }),
        },
        stages,
        seed,
        reasoner: folder,
        foldersOf,
        baseModel,
        data,
        newTokens,
        loop,
      });
      const saved = (kind: SavedModel['kind'], of: string, steps = outcome.steps): SavedModel => ({
        kind,
        folder: of,
        steps,
        examples: data.examples.length,
      });
      return {
        status: after.status,
        seconds: after.seconds,
        models: [
          saved('reasoner', folder),
          ...(lora ? [saved('adapter', join(folder, 'adapter'))] : []),
          ...foldersOf('interpreters').map((of) => saved('interpreter', of, after.summary.interpreterSteps)),
        ],
        summary: after.summary,
      };
    },
  };
}
