import { syncFolder } from '@subtext/core/node';
import { engineCapabilities, engineName } from '@subtext/tensor';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { writeError } from '../checkpoint/atomic-files';
import { type RunPosition, saveCheckpoint } from '../checkpoint/checkpoint';
import { pruneCheckpoints, resumeNewest } from '../checkpoint/newest-checkpoint';
import { checkShards, type Collective } from '../parallel/collective';
import { RankExchange } from '../parallel/rank-exchange';
import { sharedPosition } from '../parallel/shared-position';
import type { SharedState } from '../parallel/shared-state';
import { explainMemory } from './out-of-memory';
import { RunLog } from './run-log';
import type { TrainingOutcome, TrainingPhase, TrainOptions } from './train-options';
import { startTrainingEngine, type TrainingEngine } from './training-engine';
import { newState, readVariables, takeBest, writeVariables } from './weights';

/** What a run is opened with and keeps. */
type OpenRunOptions = Pick<
  TrainOptions,
  'folder' | 'source' | 'program' | 'phases' | 'fingerprint' | 'method' | 'onCheckpoint' | 'onNotice'
> &
  Required<Pick<TrainOptions, 'workers' | 'shards' | 'keepCheckpoints' | 'collective' | 'ranks'>>;

/** A run that is open: its weights, where it stands, its log, and what computes its steps. */
export class OpenRun {
  readonly state: SharedState;
  readonly position: RunPosition;
  readonly log: RunLog;
  readonly engine: TrainingEngine;
  readonly #options: OpenRunOptions;
  readonly #checkpoints: string;
  readonly #began = performance.now();
  readonly #secondsBefore: number;
  readonly #stepAtBegin: number;
  #lastSave = performance.now();
  #checkpoint: number | undefined;
  #steps: number;

  private constructor({
    options,
    checkpoints,
    ...parts
  }: {
    options: OpenRunOptions;
    /** Folder of the run's checkpoints. */ checkpoints: string;
  } & Pick<OpenRun, 'state' | 'position' | 'log' | 'engine'>) {
    this.#options = options;
    this.#checkpoints = checkpoints;
    this.state = parts.state;
    this.position = parts.position;
    this.log = parts.log;
    this.engine = parts.engine;
    this.#secondsBefore = parts.position.seconds ?? 0;
    this.#stepAtBegin = parts.position.step;
    this.#checkpoint = newestCheckpoint(parts.position);
    this.#steps = stepsOf({ position: parts.position, phases: options.phases });
  }

  /** Opens a run where its newest checkpoint left it, or at its beginning. */
  static async open(options: OpenRunOptions): Promise<OpenRun> {
    const { folder, source, program, phases, workers, shards, collective, onNotice } = options;
    const checkpoints = join(folder, 'checkpoints');
    await makeFolder(checkpoints);
    const among = rankedTraining(options);
    const state = newState({ program, shards, ...among?.state });
    const ranks = among && { ...among, exchange: new RankExchange({ ...among, state }) };
    await readVariables({ program, state });
    const position = await sharedPosition({
      ranks,
      state,
      find: () => findPosition({ checkpoints, state, options }),
    });
    if (position.step > 0)
      onNotice?.(`Resuming at step ${position.step} of ${stepsOf({ position, phases })} (${position.phaseName}).`);
    if (position.engine !== undefined && position.engine !== engineName())
      onNotice?.(
        `The checkpoint was computed on the engine ${position.engine}; the rest runs on ${engineName()}, which rounds otherwise.`,
      );
    position.engine = engineName();
    const log = await RunLog.open({ path: join(folder, 'log.jsonl'), bytes: position.logBytes });
    if (log.bytes < position.logBytes && collective.rank === 0)
      onNotice?.(
        `The log is shorter than when the checkpoint was written: lines before step ${position.step} are missing.`,
      );
    const engine = await startTrainingEngine({ source, program, state, workers, ranks }).catch(
      async (error: unknown) => {
        await log.close();
        throw explainMemory({
          error,
          where: `the start of ${workers} workers`,
          checkpoint: newestCheckpoint(position),
        });
      },
    );
    return new OpenRun({ options, checkpoints, state, position, log, engine });
  }

  /** The processes that train together. */
  get ranks(): Collective {
    return this.#options.collective;
  }

  /** Step of the newest checkpoint. */
  get checkpoint(): number | undefined {
    return this.#checkpoint;
  }

  /** Steps of all phases. */
  get steps(): number {
    return this.#steps;
  }

  /** Seconds left at the speed so far. */
  get secondsLeft(): number {
    const { step } = this.position;
    return (this.#elapsed / (step - this.#stepAtBegin)) * (this.#steps - step);
  }

  /** Seconds since the newest checkpoint. */
  get secondsUnsaved(): number {
    return (performance.now() - this.#lastSave) / 1000;
  }

  get #elapsed(): number {
    return (performance.now() - this.#began) / 1000;
  }

  get #seconds(): number {
    return this.#secondsBefore + this.#elapsed;
  }

  /** Takes the steps that a phase ended without: one may end early, on mastery. */
  endPhase({ steps }: TrainingPhase): void {
    this.#steps -= steps - this.position.phaseStep;
  }

  /** Writes a checkpoint and deletes those that are not kept. */
  async save(): Promise<void> {
    const { position, state, log } = this;
    const { onCheckpoint, keepCheckpoints } = this.#options;
    position.seconds = this.#seconds;
    onCheckpoint?.({ step: position.step, state: 'begin' });
    await log.sync();
    position.logBytes = log.bytes;
    await this.engine.store();
    if (this.ranks.rank === 0) await saveCheckpoint({ folder: this.#checkpoints, state, position });
    this.#checkpoint = position.step;
    onCheckpoint?.({ step: position.step, state: 'end' });
    await pruneCheckpoints({ folder: this.#checkpoints, keep: keepCheckpoints, bestStep: position.best?.step });
    this.#lastSave = performance.now();
  }

  /** Brings the weights into this thread's program. */
  giveWeights(): void {
    writeVariables({ program: this.#options.program, state: this.state });
  }

  /** Takes the weights of the lowest validation loss of the phase; gives their step. */
  async takeBest(): Promise<number> {
    const { state, position, ranks } = this;
    const step = new Float64Array(1);
    if (ranks.rank === 0)
      step[0] = await takeBest({ folder: this.#checkpoints, state, position, onNotice: this.#options.onNotice });
    await ranks.broadcast({ array: step });
    await ranks.broadcast({ array: state.parameters });
    return step[0]!;
  }

  outcome({
    status,
    weightsOfStep = this.position.step,
  }: Pick<TrainingOutcome, 'status'> & Partial<Pick<TrainingOutcome, 'weightsOfStep'>>): TrainingOutcome {
    const { step, skippedSteps, best } = this.position;
    return { status, steps: step, skippedSteps, ...(best && { best }), weightsOfStep, seconds: this.#seconds };
  }

  async close(): Promise<void> {
    await this.engine.close();
    await this.log.close().catch(() => undefined);
  }
}

/** What of a run's options concerns the processes that train together; undefined where this one is alone. */
function rankedTraining({
  collective,
  ranks: { order = 'shards', optimizerState = 'whole' },
  shards,
  workers,
}: OpenRunOptions) {
  if (collective.size === 1) return undefined;
  checkShards({ collective, shards });
  const { rank, size } = collective;
  const wholeParameters = workers === 0 && engineCapabilities().trainingState === 'engine';
  return {
    collective,
    order,
    inParts: optimizerState === 'parts',
    state: { rank, ranks: size, order, wholeParameters },
  };
}

/** Where the newest whole checkpoint stands, its weights and moments in the state; else the beginning. */
async function findPosition({
  checkpoints,
  state,
  options: { phases, fingerprint, method, onNotice },
}: {
  checkpoints: string;
  state: SharedState;
  options: OpenRunOptions;
}): Promise<RunPosition> {
  const found = await resumeNewest({
    folder: checkpoints,
    state,
    fingerprint,
    fault: (position) => faultOf({ position, phases }),
    onBroken: (error) => onNotice?.(`${error.message} Taking the one before.`),
  });
  return (
    found ?? {
      fingerprint,
      phase: 0,
      phaseName: phases[0]?.name ?? '',
      phaseStep: 0,
      updates: 0,
      step: 0,
      logBytes: 0,
      skippedSteps: 0,
      badStepsInRow: 0,
      method,
    }
  );
}

/** What is wrong with where a checkpoint says that it stands: one that was not written by this run may lead past its end. */
function faultOf({
  position: { phase, phaseName, phaseStep, step, updates },
  phases,
}: {
  position: RunPosition;
  phases: readonly TrainingPhase[];
}): string | undefined {
  const found = phases[phase];
  if (!found || found.name !== phaseName) return `names phase ${phase} "${phaseName}", which the run does not have`;
  if (phaseStep > found.steps || phaseStep > step || updates > step)
    return `says step ${phaseStep} of a phase of ${found.steps}, ${step} in all, ${updates} of them updates`;
  return undefined;
}

/** Steps of a run in all: phases that ended early, on mastery, had fewer than they were given. */
function stepsOf({
  position: { step, phase, phaseStep },
  phases,
}: {
  position: RunPosition;
  phases: readonly TrainingPhase[];
}): number {
  return step - phaseStep + phases.slice(phase).reduce((sum, { steps }) => sum + steps, 0);
}

function newestCheckpoint({ step }: RunPosition): number | undefined {
  return step > 0 ? step : undefined;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await syncFolder(dirname(folder));
  } catch (error) {
    throw writeError({ path: folder, error });
  }
}
