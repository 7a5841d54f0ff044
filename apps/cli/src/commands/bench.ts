import { useEngine, type EngineName } from '@subtext/tensor';
import {
  createOutput,
  engineOption,
  interruptSignal,
  positiveWholeNumber,
  silentOutput,
  textTable,
  UsageError,
  wholeNumber,
} from '@subtext/terminal';
import { type Collective, defaultWorkers, type RanksOptions } from '@subtext/trainer';
import { Command, InvalidArgumentError, Option } from 'commander';
import { availableParallelism } from 'node:os';

import { benchGenerate } from '../bench/bench-generate';
import { benchTrain } from '../bench/bench-train';
import { amongRanks } from '../pipeline/among-ranks';

interface ShapeOptions {
  engine: EngineName | 'auto';
  width: number;
  layers: number;
  heads?: number;
  vocabulary: number;
  json: boolean;
}

function shapeOptions(command: Command): Command {
  return command
    .addOption(engineOption())
    .option('--width <number>', 'hidden size', positiveWholeNumber, 256)
    .option('--layers <count>', 'layers', positiveWholeNumber, 4)
    .option('--heads <count>', 'attention heads (default: width / 64)', positiveWholeNumber)
    .option('--vocabulary <count>', 'vocabulary size', positiveWholeNumber, 1024)
    .option('--json', 'print one JSON object per line', false);
}

function trainCommand(): Command {
  return shapeOptions(new Command('train'))
    .description(
      'tokens per second of complete training steps (forward, backward, clipping, AdamW) of a GPT-2, with the same code as training',
    )
    .option('--tokens <count>', 'sequence length', positiveWholeNumber, 128)
    .option('--batch <count>', 'batch size', positiveWholeNumber, 16)
    .option('--steps <count>', 'measured steps; reports the median', positiveWholeNumber, 10)
    .option('--warmup <count>', 'warmup steps', wholeNumber, 3)
    .option(
      '--workers <count>',
      'worker threads; 0 computes in the main thread (default: 2 for wasm, 0 for multithreaded engines)',
      wholeNumber,
    )
    .option(
      '--shards <count>',
      'parts that a batch is split into (default: one per worker of each rank)',
      positiveWholeNumber,
    )
    .addOption(
      new Option('--order <how>', 'under mpirun: how gradients are summed, as ranks.order').choices(['shards', 'any']),
    )
    .addOption(
      new Option(
        '--optimizer-state <where>',
        "under mpirun: where AdamW's moments are, as ranks.optimizerState",
      ).choices(['whole', 'parts']),
    )
    .action((options: TrainOptions) => amongRanks({ action: (collective) => benchTraining({ options, collective }) }));
}

interface TrainOptions extends ShapeOptions, RanksOptions {
  tokens: number;
  batch: number;
  steps: number;
  warmup: number;
  workers?: number;
  shards?: number;
}

async function benchTraining({
  options,
  collective,
}: {
  options: TrainOptions;
  collective: Collective;
}): Promise<void> {
  const { engine, json, workers: asked, shards: parts, order, optimizerState, ...settings } = options;
  checkHeads(options);
  const { rank, size, localSize } = collective;
  const output = rank === 0 ? createOutput({ json }) : silentOutput;
  const { name, device } = await useEngine({ engine });
  const processors = Math.max(1, Math.floor(availableParallelism() / localSize));
  const workers = asked ?? defaultWorkers({ shards: Math.ceil((parts ?? 2 * size) / size), processors });
  const shards = parts ?? Math.max(1, workers) * size;
  if (shards > options.batch)
    throw new UsageError(`A batch of ${options.batch} cannot be split into ${shards} shards.`);
  const result = await benchTrain({
    ...settings,
    workers,
    shards,
    collective,
    ranks: { order, optimizerState },
    signal: interruptSignal(),
    onStep: ({ done, total, loss }) =>
      output.progress({ label: 'training steps', done, total, details: `loss ${loss.toFixed(3)}` }),
  });
  output.endProgress();
  if (!result) {
    process.exitCode = 130;
    return;
  }
  const { tokensPerSecond, millisecondsPerStep, waitedMillisecondsPerStep: waited, range, parameters } = result;
  const among = { ...(size > 1 && { ranks: size, order, optimizerState }) };
  output.event(
    {
      event: 'bench',
      what: 'train',
      engine: name,
      device: device.name,
      ...settings,
      workers,
      shards,
      ...among,
      ...result,
    },
    `${name} (${device.name}), width ${settings.width} × ${settings.layers} layers, vocabulary ${settings.vocabulary}, ${(parameters / 1e6).toFixed(2)} M parameters, batch ${settings.batch} × ${settings.tokens} tokens, ${size > 1 ? `${size} ranks, ` : ''}${workers} workers:\n` +
      `${tokensPerSecond.toFixed(0)} tokens a second; ${millisecondsPerStep.toFixed(1)} ms a step (${range.map((time) => time.toFixed(1)).join(' to ')})${waited === undefined ? '' : `, ${waited.toFixed(1)} ms of it waiting for the others`}`,
  );
}

/** `1,32` */
function counts(text: string): number[] {
  const values = text.split(',').map(Number);
  if (values.some((value) => !Number.isSafeInteger(value) || value < 1))
    throw new InvalidArgumentError('whole numbers above 0 are needed, separated by commas.');
  return values;
}

function generateCommand(): Command {
  return shapeOptions(new Command('generate'))
    .description('tokens per second of greedy generation with a KV cache, of a GPT-2')
    .option('--prompt <count>', 'prompt length in tokens', positiveWholeNumber, 32)
    .option('--new-tokens <count>', 'tokens to generate', positiveWholeNumber, 64)
    .option('--batch <counts>', 'batch sizes to measure', counts, [1, 32])
    .option('--rounds <count>', 'measurements of each; reports the median', positiveWholeNumber, 3)
    .action(async (options: ShapeOptions & { prompt: number; newTokens: number; batch: number[]; rounds: number }) => {
      const { engine, json, batch: batches, ...settings } = options;
      checkHeads(options);
      const output = createOutput({ json });
      const { name, device } = await useEngine({ engine });
      const results = await benchGenerate({
        ...settings,
        batches,
        onRound: ({ done, total }) => output.progress({ label: 'generating', done, total }),
      });
      output.endProgress();
      output.event(
        { event: 'bench', what: 'generate', engine: name, device: device.name, ...settings, results },
        `${name} (${device.name}), width ${settings.width} × ${settings.layers} layers, vocabulary ${settings.vocabulary}, ${settings.newTokens} tokens after ${settings.prompt}:\n` +
          textTable({
            header: ['batch', 'tokens/s', 'ms'],
            rows: results.map(({ batch, tokensPerSecond, milliseconds }) => [
              String(batch),
              tokensPerSecond.toFixed(0),
              milliseconds.toFixed(0),
            ]),
          }),
      );
    });
}

function checkHeads({ width, heads = Math.max(1, Math.floor(width / 64)) }: ShapeOptions): void {
  if (width % heads !== 0) throw new UsageError(`A width of ${width} cannot be divided among ${heads} heads.`);
}

export function benchCommand(): Command {
  return new Command('bench').addCommand(trainCommand()).addCommand(generateCommand());
}
