import { engineName } from '@subtext/tensor';

import { checkMemory, type MemoryEstimate } from '../loop/estimate-memory';
import { probeStep } from '../loop/probe-step';
import type { TrainingPhase } from '../loop/train-options';
import type { TrainingProgram } from '../program/training-program';
import { machineMemory } from './machine';

/** A phase of a run that is estimated. */
export interface EstimatedPhase {
  name: string;
  steps: number;
  batchSize: number;
  /** Mean tokens of a step; undefined where they are not counted. */
  tokensPerStep?: number;
  /** Seconds of the whole phase. */
  seconds: number;
}

/** What a run will take. */
export interface RunEstimate {
  /** Numbers of all models of the run, and those that are trained. */
  parameters: number;
  trainable: number;
  phases: EstimatedPhase[];
  steps: number;
  tokens?: number;
  /** Bytes. */
  memory: MemoryEstimate;
  machine: number;
  seconds: number;
  engine: string;
  workers: number;
}

/** Seconds of one computed shard beyond which the other phases are told from this one by their tokens. */
const LONG_PROBE = 5;

/** Bytes of a shard beyond which it is not computed in the first thread where workers do that. */
const LARGE_SHARD = 2 ** 30;

/** A run as its estimate needs it. */
export interface EstimatedRun {
  program: TrainingProgram;
  phases: readonly TrainingPhase[];
  /** Rows of a step, by phase. */
  rows: readonly number[];
  /** A batch of one row, as long as there is any. */
  longestRow: () => Promise<unknown>;
  /** Mean tokens of a row by phase. @default not counted */
  tokens?: readonly number[];
  /** Numbers of the models, and of those that the first thread holds beside them; bytes of one that is not trained. */
  besides: { parameters: number; other: number; frozenBytes?: number };
}

/**
 * Estimates a run before its first step: memory from its parameters and from computing one row at its longest, time from
 * computing a shard of each phase. A run that cannot fit is refused before more is computed than that one row.
 *
 * @throws TrainerError `does-not-fit`
 */
export async function estimateRun({
  program,
  phases,
  rows,
  longestRow,
  tokens,
  besides,
  shards,
  workers,
}: EstimatedRun & { shards: number; workers: number }): Promise<RunEstimate> {
  const trainable = program.parameters.reduce((sum, { variable }) => sum + variable.size, 0);
  const machine = machineMemory();
  const demand = {
    parameters: Math.max(besides.parameters, trainable),
    trainable,
    besides: besides.other,
    frozenBytes: besides.frozenBytes,
    rows: Math.ceil(Math.max(...rows) / shards),
    shards,
    workers,
    engine: engineName(),
  };
  // First what is certain: the row itself may be too much.
  checkMemory({ demand, machine });
  const row = await probeStep({ program, batch: await longestRow() });
  const memory = checkMemory({
    demand: { ...demand, bytesPerRow: Math.max(0, row.peakBytes - 4 * trainable) },
    machine,
  });

  const perShard: number[] = [];
  /** By phase, seconds that a step waits for its batch, where that is made with the step's weights. */
  const waiting = phases.map(() => 0);
  // What would fill this thread's engine for good is not computed here: one row tells, though it takes more than its share.
  const large = workers > 0 && row.peakBytes * demand.rows > LARGE_SHARD;
  for (const [index, phase] of phases.entries()) {
    if (large) {
      perShard.push(row.seconds * (rows[index]! / shards) * (tokens ? tokens[index]! / Math.max(...tokens) : 1));
      continue;
    }
    const before = perShard[0];
    if (before !== undefined && before > LONG_PROBE) {
      perShard.push(before * (weightOf({ rows, tokens, index }) / weightOf({ rows, tokens, index: 0 })));
      continue;
    }
    const began = performance.now();
    const [shard] = await phase.source.batch(0);
    const { weightsEvery } = phase.source;
    if (weightsEvery !== undefined) waiting[index] = (performance.now() - began) / 1000 / weightsEvery;
    // The first time engines prepare what they need.
    if (index === 0) await probeStep({ program, batch: shard });
    perShard.push((await probeStep({ program, batch: shard })).seconds);
  }
  const rounds = Math.ceil(shards / Math.max(1, Math.min(workers, shards)));
  const estimated = phases.map(({ name, steps }, index): EstimatedPhase => ({
    name,
    steps,
    batchSize: rows[index]!,
    ...(tokens && { tokensPerStep: Math.round(tokens[index]! * rows[index]!) }),
    seconds: (perShard[index]! * rounds + waiting[index]!) * steps,
  }));
  return {
    parameters: besides.parameters,
    trainable,
    phases: estimated,
    steps: estimated.reduce((sum, { steps }) => sum + steps, 0),
    ...(tokens && { tokens: estimated.reduce((sum, { steps, tokensPerStep = 0 }) => sum + steps * tokensPerStep, 0) }),
    memory,
    machine,
    seconds: estimated.reduce((sum, { seconds }) => sum + seconds, 0),
    engine: demand.engine,
    workers,
  };
}

function weightOf({
  rows,
  tokens,
  index,
}: {
  rows: readonly number[];
  tokens: readonly number[] | undefined;
  index: number;
}): number {
  return rows[index]! * (tokens?.[index] ?? 1);
}
