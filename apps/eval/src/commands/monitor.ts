import { meanAndDeviation } from '@subtext/core';
import { type FieldValue, type MadeMonitor, makeMonitor, type MonitorFindings } from '@subtext/eval';
import { saveMonitor } from '@subtext/reasoner';
import { useEngine, type EngineName } from '@subtext/tensor';
import {
  createOutput,
  engineOption,
  findModel,
  interruptSignal,
  nonNegativeNumber,
  positiveWholeNumber,
  repeated,
  UsageError,
} from '@subtext/terminal';
import { Command } from 'commander';

import { dataOptions, loadTasks, type AskedData } from '../load-tasks';
import { showEvents } from '../show-events';

interface MonitorOptions extends AskedData {
  model: string;
  flag: FieldValue;
  test: string;
  where?: string[];
  trainWhere?: string[];
  falseAlarms?: number;
  output: string;
  batch: number;
  engine: EngineName | 'auto';
  json: boolean;
}

export function monitorCommand(): Command {
  return dataOptions(new Command('monitor'))
    .requiredOption('--model <folder>', "the reasoner's folder or Hugging Face Hub id")
    .requiredOption('--flag <field=value>', 'what to flag: a field of the records and its value', fieldValue)
    .requiredOption('--data <path>', 'training data', repeated)
    .requiredOption('--test <path>', 'test data')
    .option('--where <field=value>', 'test only on records with this value; may be repeated', repeated)
    .option('--train-where <field=value>', 'train only on records with this value; may be repeated', repeated)
    .option('--false-alarms <share>', 'target false-positive rate (default: 0.01)', nonNegativeNumber)
    .option('--task <name>', 'the task')
    .option('--limit <count>', 'use only the first examples', positiveWholeNumber)
    .requiredOption('--output <file>', 'output file (safetensors)')
    .option('--batch <count>', 'batch size', positiveWholeNumber, 32)
    .addOption(engineOption())
    .option('--json', 'print one JSON object per line', false)
    .action(async (options: MonitorOptions) => {
      // Said before a question is asked.
      if ((options.falseAlarms ?? 0) > 1)
        throw new UsageError(`--false-alarms takes a share from 0 to 1, not ${options.falseAlarms}.`);
      const output = createOutput({ json: options.json });
      const signal = interruptSignal({ saves: false });
      const [loaded] = await loadTasks({ asked: options, output });
      const [test] = await loadTasks({ asked: { ...options, data: [options.test] }, output });
      const model = await findModel({ model: options.model, signal });
      await useEngine({ engine: options.engine });
      const made = await makeMonitor({
        ...options,
        model,
        loaded: loaded!,
        test: test!,
        where: options.trainWhere?.map(fieldValue),
        testWhere: options.where?.map(fieldValue),
        signal,
        onEvent: showEvents(output),
      }).finally(() => output.endProgress());
      await saveMonitor({ path: options.output, monitor: made.monitor });
      const { stage, index, threshold, source } = made.monitor;
      const { thoughts, controls, trainingCount, testCount, accuracy } = made;
      output.event(
        {
          event: 'monitor',
          path: options.output,
          ...{ stage, index, threshold, source, thoughts, controls, trainingCount, testCount, accuracy },
        },
        [...tableOf(made), '', `  flags ${source} at thought ${index + 1} of ${stage}: ${options.output}`].join('\n'),
      );
    });
}

/** @throws UsageError for a text that is none */
function fieldValue(text: string): FieldValue {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`A field and its value are written as field=value; got ${JSON.stringify(text)}.`);
  return { field: text.slice(0, at), value: text.slice(at + 1) };
}

function tableOf({ thoughts, controls, trainingCount, testCount, accuracy }: MadeMonitor): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const row = (name: string, { auroc, detected, falseAlarms }: MonitorFindings) =>
    `  ${name.padEnd(30)} ${`${auroc.value.toFixed(3)} ± ${auroc.standardError.toFixed(3)}`.padStart(15)} ${percent(detected).padStart(9)} ${percent(falseAlarms).padStart(13)}`;
  return [
    `  trained by ${trainingCount} questions, measured on ${testCount} others, ${percent(accuracy)} of them answered right`,
    `  ${'what is looked at'.padEnd(30)} ${'AUROC'.padStart(15)} ${'detected'.padStart(9)} ${'false alarms'.padStart(13)}`,
    ...thoughts.map((one) => row(`${one.stage}, thought ${one.index + 1}`, one)),
    ...(controls.question === null ? [] : [row('the question before any thought', controls.question)]),
    `  ${'with flags shuffled'.padEnd(30)} ${`${meanAndDeviation(controls.shuffled).mean.toFixed(3)}, at most ${Math.max(...controls.shuffled).toFixed(3)}`}`,
    `  ${'whether the answer is wrong'.padEnd(30)} ${`${controls.output.value.toFixed(3)} ± ${controls.output.standardError.toFixed(3)}`.padStart(15)}`,
  ];
}
