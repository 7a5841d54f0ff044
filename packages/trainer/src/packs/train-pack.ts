import {
  type KnowledgePack,
  type ModelSource,
  PackedModel,
  type PackForm,
  type ReasonerBatch,
} from '@subtext/reasoner';

import { TrainerError } from '../errors';
import { RunFolder } from '../checkpoint/run-folder';
import { digestOf } from '../identity/digest';
import { train } from '../loop/train';
import type { TrainingOutcome, TrainOptions } from '../loop/train-options';
import { programSource } from '../loop/training-engine';
import type { ObjectiveUse } from '../objectives/objective';
import { selfStudy, type SelfStudyOptions } from '../objectives/self-study';
import { composeProgram } from '../program/program';
import { openRunner } from '../program/runner';
import { selfStudySource } from '../sources/self-study-source';
import type { Shard, Source } from '../sources/source';
import type { StudyText } from './study-texts';

export interface TrainPackOptions extends Pick<TrainOptions, 'signal' | 'onProgress' | 'onNotice' | 'workers'> {
  /**
   * Where checkpoints and the log go while it trains: a folder of the run's own, empty or absent at first. One that was
   * broken off goes on; of other settings, it is replaced. Once the pack is saved the folder goes.
   */
  folder: string;
  /** Keeps the finished pack, before the folder goes. @default the caller has it */
  save?: (pack: KnowledgePack) => Promise<void>;
  /** The model that the pack is for. */
  model: ModelSource;
  /** The document's tokens. */
  document: readonly number[];
  /** What it is studied by: {@link studyAnswers}, {@link studyContinuations}, or texts of one's own. */
  texts: readonly StudyText[];
  /** Rows of the pack. */
  positions: number;
  /** @default 'cache' */
  form?: PackForm;
  /** Names of the documents in it. @default [] */
  documents?: readonly string[];
  /** @default packTrainingDefaults.steps */
  steps?: number;
  /** Texts a step. @default packTrainingDefaults.batchSize */
  batchSize?: number;
  /** @default packTrainingDefaults.learningRate */
  learningRate?: number;
  /** Parts that a batch is cut into. @default packTrainingDefaults.shards */
  shards?: number;
  /** Of the order of the texts. @default 0 */
  seed?: number;
}

/** What {@link TrainPackOptions} are where they are not given. */
export const packTrainingDefaults = { steps: 300, batchSize: 32, learningRate: 0.02, shards: 1 } as const;

/**
 * Condenses a document into a knowledge pack by self-study: the pack begins as the document's own rows and is trained, alone,
 * to make the frozen model say after it what it says after the whole document.
 *
 * @returns the pack, and how the training ended; one that was stopped goes on when it is called again
 * @throws TrainerError `empty-set` without texts, `invalid-option`, `not-a-run-folder`, `locked`; ReasonerError as `documentPack`
 */
export async function trainPack({
  folder,
  save,
  model,
  document,
  texts,
  positions,
  form = 'cache',
  documents = [],
  steps = packTrainingDefaults.steps,
  batchSize = packTrainingDefaults.batchSize,
  learningRate = packTrainingDefaults.learningRate,
  shards = packTrainingDefaults.shards,
  seed = 0,
  ...loop
}: TrainPackOptions): Promise<{ pack: KnowledgePack; outcome: TrainingOutcome }> {
  if (texts.length === 0)
    throw new TrainerError({ code: 'empty-set', message: 'There is no text to study the document by.' });
  for (const [name, value] of Object.entries({ steps, batchSize, shards }))
    if (!Number.isInteger(value) || value < 1)
      throw new TrainerError({ code: 'invalid-option', message: `${name}: ${value} is not a whole number above 0.` });
  if (batchSize < shards)
    throw new TrainerError({
      code: 'invalid-option',
      message: `${batchSize} texts a step cannot be cut into ${shards} shards. Take a larger batch, or as many shards at most.`,
    });
  const source = { kind: 'pack', model, document, positions, form, documents, seed } as const;
  const options: SelfStudyOptions = { document };
  const objectives: ObjectiveUse[] = [{ name: selfStudy.name, options }];
  const runner = await openRunner({ model: source, frozen: [] });
  const packed = runner.model as PackedModel;
  try {
    const program = await composeProgram({ runner, objectives });
    const batches: Source<Shard<ReasonerBatch>> = selfStudySource({ texts, batchSize, shards, padId: 0, seed });
    const schedule = { learningRate, warmupSteps: Math.min(20, Math.floor(steps / 4)) };
    const [held] = packed.packs;
    const { model: fingerprint } = await held!.read({ steps: 0 });
    const settings = { ...source, model: fingerprint, texts, steps, batchSize, learningRate, shards };
    const run = await RunFolder.open({ folder, fingerprint: digestOf(settings), overwrite: true });
    try {
      const outcome = await train({
        ...loop,
        folder,
        runFolder: run,
        source: programSource({ model: source, objectives }),
        program,
        phases: [{ name: 'self-study', steps, schedule, source: batches }],
        fingerprint: digestOf(settings),
        workers: loop.workers ?? 0,
        shards,
        optimizer: { weightDecay: 0 },
        seed,
      });
      const pack = await held!.read({ steps: outcome.steps });
      if (outcome.status === 'finished') {
        await save?.(pack);
        await run.discard();
      }
      return { pack, outcome };
    } finally {
      await run.close();
    }
  } finally {
    packed.dispose();
  }
}
