import { measureUncertainty, type UncertaintyFindings } from '@subtext/eval';
import { useEngine, type EngineName } from '@subtext/tensor';
import {
  createOutput,
  engineOption,
  findModel,
  interruptSignal,
  positiveWholeNumber,
  repeated,
  wholeNumber,
} from '@subtext/terminal';
import { Command } from 'commander';

import { dataOptions, loadTasks, type AskedData } from '../load-tasks';
import { showEvents } from '../show-events';

interface UncertaintyOptions extends AskedData {
  model: string;
  test: string;
  label: string;
  posterior: string;
  step?: string;
  chains?: number;
  units: number;
  batch: number;
  engine: EngineName | 'auto';
  json: boolean;
}

export function uncertaintyCommand(): Command {
  return dataOptions(new Command('uncertainty'))
    .requiredOption('--model <folder>', "the reasoner's folder or Hugging Face Hub id")
    .requiredOption('--data <path>', 'training data for the readers', repeated)
    .requiredOption('--test <path>', 'test data')
    .option('--label <field>', 'the uncertain label: answer, or a field of the records', 'answer')
    .option('--posterior <field>', 'the field with its true distribution, as in "red=2, green=1"', 'posterior')
    .option('--step <stage>', 'the stage in which a written chain states the label')
    .option('--chains <count>', 'number of responses to sample for label frequencies', positiveWholeNumber)
    .option('--units <count>', 'hidden units of the readers (0: linear)', wholeNumber, 32)
    .option('--task <name>', 'the task')
    .option('--limit <count>', 'use only the first examples', positiveWholeNumber)
    .option('--batch <count>', 'batch size', positiveWholeNumber, 32)
    .addOption(engineOption())
    .option('--json', 'print one JSON object per line', false)
    .action(async (options: UncertaintyOptions) => {
      const output = createOutput({ json: options.json });
      const signal = interruptSignal({ saves: false });
      const [loaded] = await loadTasks({ asked: options, output });
      const [test] = await loadTasks({ asked: { ...options, data: [options.test] }, output });
      const model = await findModel({ model: options.model, signal });
      await useEngine({ engine: options.engine });
      const found = await measureUncertainty({
        ...options,
        model,
        loaded: loaded!,
        test: test!,
        signal,
        onEvent: showEvents(output),
      }).finally(() => output.endProgress());
      output.event({ event: 'uncertainty', ...found }, tableOf(found).join('\n'));
    });
}

function tableOf({ label, labels, readings, trainingCount, testCount, entropy }: UncertaintyFindings): string[] {
  const width = Math.max(...readings.map(({ name }) => name.length));
  const cell = ({ value, standardError }: { value: number; standardError: number }) =>
    `${value.toFixed(3)} ± ${standardError.toFixed(3)}`.padStart(15);
  return [
    `  ${label}: ${labels.join(', ')}; readers trained by ${trainingCount} questions, measured on ${testCount} others; entropy of the truth ${entropy.toFixed(3)} nats`,
    `  ${'read from'.padEnd(width)} ${'KL, nats'.padStart(15)} ${'variation'.padStart(15)} ${'calibration'.padStart(15)}`,
    ...readings.map(
      ({ name, divergence, totalVariation, calibrationError, unread }) =>
        `  ${name.padEnd(width)} ${cell(divergence)} ${cell(totalVariation)} ${cell(calibrationError)}${unread === undefined ? '' : `  (${unread} without a label)`}`,
    ),
  ];
}
