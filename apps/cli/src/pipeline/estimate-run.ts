import { engineName } from '@subtext/tensor';
import { duration, type Output } from '@subtext/terminal';
import {
  checkMemory,
  describeMemory,
  gibibytes,
  type MemoryEstimate,
  probeStep,
  type TrainingPhase,
  type TrainingProgram,
} from '@subtext/trainer';
import { totalmem } from 'node:os';

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

/** Bytes that the machine, or the container, has. */
export function machineMemory(): number {
  const limit = (process as { constrainedMemory?: () => number | undefined }).constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
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
}: {
  program: TrainingProgram;
  phases: readonly TrainingPhase[];
  /** Rows of a step, by phase. */
  rows: readonly number[];
  /** A batch of one row, as long as there is any. */
  longestRow: () => Promise<unknown>;
  /** Mean tokens of a row by phase. @default not counted */
  tokens?: readonly number[];
  /** Numbers of the models, and of those that the first thread holds beside them. */
  besides: { parameters: number; other: number };
  shards: number;
  workers: number;
}): Promise<RunEstimate> {
  const trainable = program.parameters.reduce((sum, { variable }) => sum + variable.size, 0);
  const machine = machineMemory();
  const demand = {
    parameters: Math.max(besides.parameters, trainable),
    trainable,
    besides: besides.other,
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
    const [shard] = await phase.source.batch(0);
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
    seconds: perShard[index]! * rounds * steps,
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

/** Prints an estimate: one line before a run, all of it for `--dry-run`. */
export function printEstimate({
  estimate,
  output,
  whole,
}: {
  estimate: RunEstimate;
  output: Output;
  whole: boolean;
}): void {
  const { parameters, trainable, phases, steps, tokens, memory, machine, seconds, engine, workers } = estimate;
  const line = `  about ${gibibytes(memory.total)} of memory and ${longDuration(seconds)} (${engine}${workers > 0 ? `, ${workers} workers` : ''}; a step of each phase was computed)`;
  const tight = memory.total > 0.8 * machine ? `\n  This is close to the ${gibibytes(machine)} of this machine.` : '';
  if (!whole) return void output.event({ event: 'estimate', ...estimate }, line + tight);
  output.event(
    { event: 'dry-run', ...estimate },
    [
      `  ${parameters.toLocaleString('en')} parameters, ${trainable.toLocaleString('en')} of them trained`,
      ...phases.map(
        ({ name, steps: count, batchSize, tokensPerStep, seconds: time }) =>
          `  ${name}: ${count.toLocaleString('en')} steps of ${batchSize} examples${tokensPerStep === undefined ? '' : `, ${tokensPerStep.toLocaleString('en')} tokens each`}, ${longDuration(time)}`,
      ),
      `  ${steps.toLocaleString('en')} steps${tokens === undefined ? '' : `, ${tokens.toLocaleString('en')} tokens`} in all`,
      line,
      `  ${describeMemory(memory)}.${tight}`,
      '  Time is that of computed steps, without saving and validation; memory is counted, activations measured on the longest example.',
    ].join('\n'),
  );
}

/** `42 s`, `3 min 20 s`, `5 h`, `12 days`. */
function longDuration(seconds: number): string {
  if (seconds < 2 * 3600) return duration(seconds);
  return seconds < 2 * 86_400
    ? `${Math.round(seconds / 3600)} h`
    : `${Math.round(seconds / 86_400).toLocaleString('en')} days`;
}
