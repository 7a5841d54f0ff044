import { directionKinds, type DirectionKind } from '@subtext/decoder';
import { makeDirection } from '@subtext/eval';
import { saveDirection } from '@subtext/reasoner';
import { useEngine, type EngineName } from '@subtext/tensor';
import {
  createOutput,
  engineOption,
  findModel,
  interruptSignal,
  positiveWholeNumber,
  repeated,
} from '@subtext/terminal';
import { Command, Option } from 'commander';

import { dataOptions, loadTasks, type AskedData } from '../load-tasks';
import { showEvents } from '../show-events';

interface DirectionOptions extends AskedData {
  model: string;
  stage: string;
  fact: string;
  to: string;
  from?: string;
  by: DirectionKind;
  output: string;
  batch: number;
  engine: EngineName | 'auto';
  json: boolean;
}

export function directionCommand(): Command {
  return dataOptions(new Command('direction'))
    .requiredOption('--model <folder>', "the reasoner's folder or Hugging Face Hub id")
    .requiredOption('--stage <name>', 'the stage')
    .option(
      '--fact <name>',
      'the fact that distinguishes the examples, such as "answer" or "colour in the top-left"',
      'answer',
    )
    .requiredOption('--to <value>', 'value of the fact to steer towards')
    .option('--from <value>', 'value to steer away from (default: all others)')
    .addOption(
      new Option(
        '--by <kind>',
        'means: difference of means; probe: the direction that a linear probe separates them by',
      )
        .choices(directionKinds)
        .default('means'),
    )
    .option('--task <name>', 'the task')
    .option('--data <path>', "the task's data", repeated)
    .option('--limit <count>', 'use only the first examples', positiveWholeNumber)
    .requiredOption('--output <file>', 'output file (safetensors)')
    .option('--batch <count>', 'batch size', positiveWholeNumber, 32)
    .addOption(engineOption())
    .option('--json', 'print one JSON object per line', false)
    .action(async (options: DirectionOptions) => {
      const output = createOutput({ json: options.json });
      const signal = interruptSignal({ saves: false });
      const [loaded] = await loadTasks({ asked: options, output });
      const model = await findModel({ model: options.model, signal });
      await useEngine({ engine: options.engine });
      const { by: kind, output: path } = options;
      const { direction, to, from } = await makeDirection({
        ...options,
        model,
        loaded: loaded!,
        kind,
        signal,
        onEvent: showEvents(output),
      }).finally(() => output.endProgress());
      await saveDirection({ path, direction });
      output.event(
        { event: 'direction', path, stage: direction.stage, source: direction.source, to, from },
        `  ${direction.source}, of ${to} and ${from} examples: ${path}`,
      );
    });
}
