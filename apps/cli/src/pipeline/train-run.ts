import { parseJson } from '@subtext/core';
import { readTextFile } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';
import { addLora, type LoraSettings, mergeLora, saveAdapter, untrainedTokens } from '@subtext/nn';
import { adapterWithTokens, createMethod, PictureStore, Reasoner, methodSpecification } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { duration, findModel, type Output, UsageError } from '@subtext/terminal';
import {
  checkLengths,
  createProgram,
  followLog,
  measureLayouts,
  methodObjectives,
  programSource,
  type ReasonerData,
  reasonerPhases,
  removeCheckpoints,
  RunFolder,
  train,
  type TrainingProgram,
  usedTokens,
} from '@subtext/trainer';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { GivenConfiguration, TrainConfiguration } from '../configuration/schema';
import { observed } from '../configuration/observed';
import { machineRecord } from '../machine-record';
import { assignParameters } from './assign-parameters';
import { workersOf } from './check-model-fits';
import { checkOverlap } from './check-overlap';
import { estimateRun, printEstimate } from './estimate-run';
import { fingerprintOf, startingModels } from './fingerprint';
import { interpreterFolders, keepInterpreters, openInterpreters } from './interpreters';
import { type CardKind, trainedModel, writeCard } from './model-card';
import { trainingWork } from './model-work';
import { openLoggers } from './open-loggers';
import { openReasoner } from './open-model';
import { planPhases } from './plan-phases';
import { readExamples } from './read-examples';
import { resolveInterpreters } from './resolve-interpreters';
import { resolveStages } from './resolve-stages';
import { trainInterpreters } from './train-interpreters';
import { configurationText, differencesFrom, withoutSecrets } from './saved-configuration';

/** What a training run left. */
export interface TrainRunResult {
  /** `estimated`: nothing was trained. */
  status: 'finished' | 'stopped' | 'estimated';
  /** The reasoner's folder. */
  reasoner: string;
  /** Folders of the interpreters, if there are any. */
  interpreters: string[];
  /** `log.jsonl`. */
  log: string;
  /** Seconds trained so far, in all sessions. */
  seconds: number;
}

/**
 * Carries out a training configuration: reads the data, opens or makes the models, trains through the phases, saves.
 * A run that is finished is not repeated; one that was interrupted is resumed.
 */
export async function trainRun({
  configuration: given,
  output,
  label = '',
  overwrite = false,
  dryRun = false,
  signal,
}: {
  configuration: GivenConfiguration;
  output: Output;
  /** Whether a finished run, or one of other settings, is deleted and replaced. @default false */
  overwrite?: boolean;
  /** Tells what the run will take, and writes nothing. @default false */
  dryRun?: boolean;
  /** Stands before the phase in progress lines. @default '' */
  label?: string;
  signal?: AbortSignal;
}): Promise<TrainRunResult> {
  await useEngine({ engine: given.engine, work: await trainingWork(given) });
  const folder = given.output;
  const reasonerFolder = join(folder, 'reasoner');
  // What has to be downloaded comes first; from then on it is found in the cache.
  for (const model of startingModels(given)) await findModel({ model, signal });
  const {
    examples: read,
    skipped,
    faults,
    report,
  } = await readExamples(fileOf({ data: given.data, path: given.data.train, limit: given.data.limit }));
  const configuration: TrainConfiguration = observed({
    ...given,
    stages: resolveStages({ stages: given.stages, examples: read }),
    interpreters: resolveInterpreters(given),
  });
  const { training, seed } = configuration;
  const heldOut = await readHeldOut(configuration);
  if (skipped > 0)
    output.event(
      { event: 'skipped', ...report, first: faults.slice(0, 20) },
      `${skipped} of ${report.records} records of ${report.file} are faulty and were left out:\n${faults
        .slice(0, 5)
        .map((fault) => `  ${fault}`)
        .join('\n')}`,
    );

  const method = methodSpecification(configuration.method);
  const { interpreters } = configuration;
  const result: Omit<TrainRunResult, 'status' | 'seconds'> = {
    reasoner: reasonerFolder,
    interpreters: interpreters?.keep ? interpreterFolders({ configuration, interpreters }) : [],
    log: join(folder, 'log.jsonl'),
  };
  const identity = await fingerprintOf({ configuration, examples: [...read, ...heldOut], signal });
  const run = {
    folder,
    ...identity,
    overwrite,
    describe: (found: { folder: string; parts: readonly string[] }) => differencesFrom({ configuration, ...found }),
  };
  if (!dryRun && (await RunFolder.inspect(run)).state === 'finished')
    return { ...result, status: 'finished', seconds: await secondsOf(folder) };
  // Interpreters that come after have a folder of their own in it: what is wrong there is said before anything is trained.
  if (interpreters?.mode === 'after')
    await RunFolder.inspect({ folder: join(folder, 'interpreters'), ...identity, overwrite: true });

  const loggers = dryRun ? [] : await openLoggers(configuration.logs);
  const overlap = await checkOverlap({ data: configuration.data, examples: read, output });
  const { reasoner: opened, newTokens } = await openReasoner({ configuration, method, examples: read });
  const reasoningMethod = createMethod(method);
  const phases = reasoningMethod.curriculum({ stages: configuration.stages });
  const context = opened.layoutContext();
  const lengths = { phases, maxPositions: opened.model.dimensions.maxPositions };
  checkLengths({ ...lengths, data: { examples: heldOut, method: reasoningMethod, context } });
  const { examples, tooLong } = checkLengths({
    ...lengths,
    data: { examples: read, method: reasoningMethod, context },
    mayLeaveOut: configuration.data.faults === 'strict' ? 0 : configuration.data.faults,
  });
  if (tooLong.length > 0)
    output.event(
      { event: 'too-long', examples: tooLong.length, of: read.length, first: tooLong.slice(0, 20) },
      `${tooLong.length} of ${read.length} examples take more tokens than the ${lengths.maxPositions} positions of the model and were left out: ${tooLong
        .slice(0, 5)
        .map(({ id, length }) => `${id} (${length})`)
        .join(', ')}`,
    );
  const measured = measureLayouts({ data: { examples, method: reasoningMethod, context }, phases });
  const reasoner = new Reasoner({
    model: opened.model,
    tokenizer: opened.tokenizer,
    processor: opened.processor,
    settings: {
      ...opened.settings,
      hiddenStages: [...(phases.at(-1)?.hiddenStages ?? [])],
      longestResponse: measured.longestResponse,
    },
  });
  // From here on nothing is wrong with what was given: a model or examples that do not fit leave no folder behind.
  const runFolder = dryRun ? undefined : await RunFolder.open(run);
  const work = runFolder ? folder : await mkdtemp(join(tmpdir(), 'subtext-dry-run-'));
  try {
    if (runFolder?.state === 'finished') return { ...result, status: 'finished', seconds: await secondsOf(folder) };
    await runFolder?.write({ name: 'data.json', data: `${JSON.stringify({ train: report, overlap }, null, 2)}\n` });
    await runFolder?.write({ name: 'configuration.json', data: configurationText(configuration) });
    const initial = join(work, 'initial', 'reasoner');
    await reasoner.save({ folder: initial });

    const data: ReasonerData = {
      examples,
      method: reasoningMethod,
      context,
      pictures: reasoner.processor && new PictureStore({ processor: reasoner.processor }),
      seed,
      shards: training.shards,
    };
    const plans = planPhases({ phases, examples: examples.length, training });
    const { lora: adapter } = configuration.model;
    // What the data uses and the checkpoint never saw learns with the method's own tokens: often the end of a text.
    const unseen =
      adapter?.tokens === 'rows'
        ? await untrainedTokens({
            model: opened.model,
            ids: usedTokens({ data: { examples, method: reasoningMethod, context }, phases }),
          })
        : [];
    const taught = [...new Set([...newTokens, ...unseen])];
    const lora = adapter && { ...adapterWithTokens({ lora: adapter, tokens: adapter.tokens, ids: taught }), seed };
    if (adapter && taught.length > 0 && adapter.tokens === 'rows') {
      output.event(
        { event: 'token-rows', new: newTokens.length, unseen: unseen.length },
        `  ${taught.length} tokens learn beside the adapter: ${newTokens.length} new ones${unseen.length > 0 ? `, and ${unseen.filter((id) => !newTokens.includes(id)).length} of the data that the checkpoint cannot tell from others` : ''}.`,
      );
    }
    if (adapter?.tokens === 'none' && newTokens.length > 0) {
      output.event(
        { event: 'untrained-tokens', tokens: newTokens.length },
        `  Warning: the ${newTokens.length} tokens that the method "${method.name}" adds stay as they are drawn (model.lora.tokens: none), and can hardly be written. Take "rows" to train them.`,
      );
    }
    const reasonerOptions = {
      model: { kind: 'folder' as const, folder: initial, lora },
      frozen: configuration.model.frozen,
    };
    const joint =
      interpreters?.mode === 'joint'
        ? await openInterpreters({
            configuration: { ...configuration, output: work },
            interpreters,
            reasoner,
            reasonerOptions,
            newTokens,
            examples,
          })
        : undefined;
    const objectives = joint?.objectives ?? methodObjectives(reasoningMethod);
    const source = joint?.source ?? programSource({ ...reasonerOptions, objectives });
    const program = await createProgram(source);
    const trainingPhases = reasonerPhases({ plans, data, objectives, heldOut });
    const workers = workersOf(configuration);
    if (!existsSync(join(folder, 'checkpoints')) || dryRun) {
      const { heaviest } = measured;
      const estimate = await estimateRun({
        program,
        phases: trainingPhases,
        rows: plans.map(({ batchSize }) => batchSize),
        tokens: measured.tokens,
        longestRow: async () =>
          (
            await reasonerPhases({
              plans: [{ ...plans[phases.indexOf(heaviest!.phase)]!, batchSize: 1 }],
              data: { ...data, examples: [heaviest!.example], shards: 1 },
              objectives,
            })[0]!.source.batch(0)
          )[0],
        besides: {
          parameters: reasoner.model.parameters.elementCount + (joint ? await numbersIn(joint.initial) : 0),
          other: reasoner.model.parameters.elementCount,
        },
        shards: training.shards,
        workers,
      }).catch(async (error: unknown) => {
        await runFolder?.discard();
        throw error;
      });
      printEstimate({ estimate, output, whole: dryRun });
    }
    if (!runFolder) return { ...result, status: 'estimated', seconds: 0 };
    const follower = followLog({
      loggers,
      folder,
      configuration: withoutSecrets(configuration),
      onNotice: (notice) => output.notice(`  ${notice}`),
    });
    const processor = process.cpuUsage();
    const options: Parameters<typeof trainInterpreters>[0]['options'] = {
      fingerprint: identity.fingerprint,
      workers,
      shards: training.shards,
      optimizer: { beta2: training.beta2, weightDecay: training.weightDecay },
      clipNorm: training.clipNorm,
      checkpointSeconds: training.checkpointSeconds,
      checkpointSteps: training.checkpointSteps,
      keepCheckpoints: training.keepCheckpoints,
      logSteps: training.logSteps,
      validationSteps: training.validation.steps,
      finalWeights: training.finalWeights,
      seed,
      method,
      signal,
      onNotice: (notice) => output.notice(`  ${notice}`),
    };
    const outcome = await train({
      ...options,
      folder,
      runFolder,
      source,
      program,
      phases: trainingPhases,
      onProgress: ({ phaseName, step, steps, loss, metrics, secondsLeft }) => {
        follower.step();
        output.progress({
          label: label === '' ? phaseName : `${label}: ${phaseName}`,
          done: step,
          total: steps,
          secondsLeft,
          details: shownMetrics({ loss, metrics }),
        });
      },
    }).catch(async (error: unknown) => {
      await follower.finish({ status: 'failed' });
      throw error;
    });
    output.endProgress();
    if (outcome.status === 'stopped') {
      await follower.finish({ status: 'stopped' });
      output.notice(
        `Stopped at step ${outcome.steps}; everything is saved in ${folder}. Start the same command again to resume.`,
      );
      return { ...result, status: 'stopped', seconds: outcome.seconds };
    }
    await saveReasoner({ program, reasoner, folder: reasonerFolder, configuration, lora });
    if (joint && interpreters?.keep) await keepInterpreters({ configuration, interpreters, prepared: joint, program });
    reasoner.dispose();
    const explained =
      interpreters?.mode === 'after'
        ? await trainInterpreters({
            configuration,
            interpreters,
            folder: reasonerFolder,
            data,
            heldOut,
            newTokens,
            options,
            output,
            label,
          })
        : undefined;
    if (explained?.status === 'stopped') {
      await follower.finish({ status: 'stopped' });
      output.notice(
        `Stopped at step ${explained.steps} of the interpreters; everything is saved in ${folder}. Start the same command again to resume.`,
      );
      return { ...result, status: 'stopped', seconds: outcome.seconds };
    }
    await writeCards({
      configuration,
      examples: examples.length,
      steps: outcome.steps,
      interpreters: result.interpreters,
      interpreterSteps: explained?.steps,
    });
    const { user, system } = process.cpuUsage(processor);
    const summary = {
      fingerprint: identity.fingerprint,
      steps: outcome.steps,
      skippedSteps: outcome.skippedSteps,
      ...(explained && { interpreterSteps: explained.steps }),
      seconds: outcome.seconds,
      processorSeconds: (user + system) / 1e6,
      machine: machineRecord(),
    };
    await runFolder.finish(summary);
    await removeCheckpoints(join(folder, 'interpreters', 'checkpoints'));
    // Loggers come last: what was trained is safe whatever becomes of them.
    await follower.finish({ status: 'finished' });
    output.event(
      { event: 'trained', folder, steps: outcome.steps },
      `  trained ${outcome.steps} steps in ${duration(outcome.seconds)}${outcome.skippedSteps > 0 ? `, ${outcome.skippedSteps} skipped` : ''}`,
    );
    return { ...result, status: 'finished', seconds: outcome.seconds };
  } finally {
    await runFolder?.close();
    if (!runFolder) await rm(work, { recursive: true, force: true });
  }
}

/** Model cards for all that a run saved. */
async function writeCards({
  configuration,
  examples,
  steps,
  interpreters,
  interpreterSteps,
}: {
  configuration: TrainConfiguration;
  examples: number;
  steps: number;
  /** Their folders. */ interpreters: readonly string[];
  /** Of their own, where they were trained after the reasoner. */ interpreterSteps?: number;
}): Promise<void> {
  const reasoner = join(configuration.output, 'reasoner');
  const card = (kind: CardKind, folder: string, ownSteps = steps) =>
    writeCard({
      folder,
      kind,
      name: configuration.output,
      trained: trainedModel({ configuration, kind, examples, steps: ownSteps }),
    });
  await card('reasoner', reasoner);
  if (configuration.model.lora) await card('adapter', join(reasoner, 'adapter'));
  for (const folder of interpreters) await card('interpreter', folder, interpreterSteps);
}

/** How many numbers the weights of models hold, by the sizes of their files. */
async function numbersIn(folders: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const folder of folders)
    for (const name of await readdir(folder))
      if (name.endsWith('.safetensors')) bytes += (await stat(join(folder, name))).size;
  return Math.round(bytes / 4);
}

/** How long a finished run trained, as its folder says. */
async function secondsOf(folder: string): Promise<number> {
  const path = join(folder, 'finished.json');
  const { seconds } = parseJson({ text: await readTextFile({ path, maximumBytes: 2 ** 20 }), name: path }) as {
    seconds?: unknown;
  };
  return typeof seconds === 'number' ? seconds : 0;
}

/** How a file is read that is trained on, or whose loss is taken. */
function fileOf({
  data: { format, faults, categories, images },
  path,
  limit,
}: {
  data: TrainConfiguration['data'];
  path: string;
  limit: number | undefined;
}): Parameters<typeof readExamples>[0] {
  return { format, path, limit, faults, categories, images };
}

/** The held-out examples whose loss is taken while training; none without `data.validation`. */
async function readHeldOut({ data, training }: TrainConfiguration): Promise<ReasoningExample[]> {
  if (data.validation === undefined) {
    if (training.finalWeights === 'best')
      throw new UsageError(
        'training.finalWeights "best" goes by the validation loss: name a file of held-out examples in data.validation.',
      );
    return [];
  }
  const { examples } = await readExamples(fileOf({ data, path: data.validation, limit: training.validation.examples }));
  if (examples.length === 0)
    throw new UsageError(
      `${data.validation} (data.validation) holds no example. Check the path and data.categories, or leave data.validation out.`,
    );
  return examples;
}

/** Saves the trained reasoner; with an adapter, the adapter by itself, with the tokenizer that it needs, and the model with it merged in. */
async function saveReasoner({
  program,
  reasoner,
  folder,
  configuration,
  lora,
}: {
  program: TrainingProgram;
  reasoner: Reasoner;
  folder: string;
  configuration: TrainConfiguration;
  lora?: LoraSettings & { seed: number };
}): Promise<void> {
  if (lora) addLora({ model: reasoner.model, ...lora });
  assignParameters({ program, prefix: 'reasoner/', parameters: reasoner.model.parameters });
  if (lora) {
    const adapter = join(folder, 'adapter');
    await saveAdapter({ model: reasoner.model, folder: adapter, baseModel: configuration.model.from ?? null });
    // PEFT makes room for new tokens where a tokenizer lies beside the adapter (AutoPeftModelForCausalLM).
    await reasoner.tokenizer.save({ folder: adapter });
    mergeLora({ model: reasoner.model });
  }
  await reasoner.save({ folder });
}

const metricNames: Record<string, string> = { reasonerLoss: 'loss', interpreterLoss: 'interpreter' };

/** The loss, or its parts, for the progress line. Measures of thoughts are taken now and then: they are in the log. */
function shownMetrics({ loss, metrics }: { loss: number; metrics: Record<string, number> }): string {
  const parts = Object.entries(metrics).filter(([name]) => !name.startsWith('thought'));
  return (parts.length > 0 ? parts : [['loss', loss] as const])
    .map(([name, value]) => `${metricNames[name] ?? name} ${value.toFixed(3)}`)
    .join('  ');
}
