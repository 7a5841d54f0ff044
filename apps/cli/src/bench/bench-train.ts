import { RandomStream } from '@subtext/data';
import type { ReasonerBatch } from '@subtext/reasoner';
import {
  type Collective,
  createProgram,
  programSource,
  type RanksOptions,
  train,
  type TrainingPhase,
} from '@subtext/trainer';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { gpt2Config, median, processorMilliseconds, type BenchShape } from './gpt2-like';

export interface BenchTrainOptions extends Omit<BenchShape, 'positions'> {
  /** Tokens a sequence. */
  tokens: number;
  /** Sequences a step. */
  batch: number;
  /** Steps that are measured. */
  steps: number;
  /** Steps before them. */
  warmup: number;
  /** Threads; 0 computes in the main thread. */
  workers: number;
  /** Parts that a batch is cut into. */
  shards: number;
  /** The processes that train together. @default this one alone */
  collective?: Collective;
  /** How they do. */
  ranks?: RanksOptions;
  signal?: AbortSignal;
  onStep?: (step: { done: number; total: number; loss: number }) => void;
}

export interface BenchTrainResult {
  parameters: number;
  /** The median. */
  millisecondsPerStep: number;
  /** Of the median step. */
  tokensPerSecond: number;
  /** Processor time of the median step, all threads together: what other work on the machine changes least. */
  processorMillisecondsPerStep: number;
  /** Among processes: of which this one only waited for messages; the median. */
  waitedMillisecondsPerStep?: number;
  /** The fastest and the slowest measured step. */
  range: [number, number];
  /** Of the last step: shows that it trains. */
  loss: number;
}

/**
 * Whole training steps as `subtext train` makes them: batches posted to worker threads, forward, backward, gradients
 * reduced, clipped, AdamW, weights loaded again. Every position predicts the next token; texts are random.
 */
export async function benchTrain({
  tokens,
  batch,
  steps,
  warmup,
  workers,
  shards,
  collective,
  ranks,
  signal,
  onStep,
  ...shape
}: BenchTrainOptions): Promise<BenchTrainResult | undefined> {
  const source = programSource({
    model: { kind: 'new', config: gpt2Config({ ...shape, positions: tokens }), seed: 1 },
  });
  const program = await createProgram(source);
  const parameters = program.parameters.reduce((sum, { variable }) => sum + variable.size, 0);
  const total = warmup + steps;
  const phase: TrainingPhase = {
    name: 'bench',
    steps: total,
    schedule: { learningRate: 1e-4, shape: 'constant' },
    source: {
      batch: (step) =>
        randomShards({ step, batch, tokens, vocabulary: shape.vocabulary, shards }).map((inputs) => ({
          inputs,
          parts: {},
        })),
    },
  };
  const folder = await mkdtemp(join(tmpdir(), 'subtext-bench-'));
  const times: number[] = [];
  const processorTimes: number[] = [];
  const waits: number[] = [];
  let last = 0;
  let lastProcessor = 0;
  let finalLoss = NaN;
  try {
    const { status } = await train({
      folder,
      source,
      program,
      phases: [phase],
      fingerprint: 'bench',
      workers,
      shards,
      collective,
      ranks,
      // Nothing is saved while it is measured.
      checkpointSeconds: 1e9,
      logSteps: total + 1,
      signal,
      onProgress: ({ step, loss, waitedSeconds }) => {
        const [now, processor] = [performance.now(), processorMilliseconds()];
        if (step > warmup && step > 1) {
          times.push(now - last);
          processorTimes.push(processor - lastProcessor);
          if (waitedSeconds !== undefined) waits.push(1000 * waitedSeconds);
        }
        last = now;
        lastProcessor = processor;
        finalLoss = loss;
        onStep?.({ done: step, total, loss });
      },
    });
    if (status === 'stopped') return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const milliseconds = median(times);
  return {
    parameters,
    millisecondsPerStep: milliseconds,
    tokensPerSecond: (batch * tokens * 1000) / milliseconds,
    processorMillisecondsPerStep: median(processorTimes),
    ...(waits.length > 0 && { waitedMillisecondsPerStep: median(waits) }),
    range: [Math.min(...times), Math.max(...times)],
    loss: finalLoss,
  };
}

/** A batch of random texts; a sequence of `tokens` + 1 ids gives `tokens` predictions. */
function randomShards({
  step,
  batch,
  tokens,
  vocabulary,
  shards,
}: {
  step: number;
  batch: number;
  tokens: number;
  vocabulary: number;
  shards: number;
}): ReasonerBatch[] {
  const random = new RandomStream({ seed: step, name: '' });
  return Array.from({ length: shards }, (_, shard) => {
    const rows = Math.floor((batch * (shard + 1)) / shards) - Math.floor((batch * shard) / shards);
    const ids = new Int32Array(rows * tokens);
    const lossLabels = new Int32Array(rows * tokens);
    for (let row = 0; row < rows; row++) {
      let id = random.integer(vocabulary);
      for (let position = 0; position < tokens; position++) {
        ids[row * tokens + position] = id;
        id = random.integer(vocabulary);
        lossLabels[row * tokens + position] = id;
      }
    }
    return {
      rows,
      time: tokens,
      ids,
      lossRows: Int32Array.from({ length: rows * tokens }, (_, index) => index),
      lossLabels,
      lossWeight: 1 / (batch * tokens),
    };
  });
}
