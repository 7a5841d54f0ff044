import { probeMarkdown, probeModel, writeProbes } from '@subtext/eval';
import { useEngine, type EngineName } from '@subtext/tensor';
import {
  createOutput,
  engineOption,
  findModel,
  interruptSignal,
  positiveWholeNumber,
  repeated,
  wholeNumberList,
} from '@subtext/terminal';
import { Command } from 'commander';

import { dataOptions, loadTasks, type AskedData } from '../load-tasks';
import { madeWith } from '../made-with';
import { showEvents } from '../show-events';

interface ProbeOptions extends AskedData {
  model: string;
  label?: string[];
  output?: string;
  batch: number;
  seeds: number[];
  engine: EngineName | 'auto';
  json: boolean;
}

export function probeCommand(): Command {
  return dataOptions(new Command('probe'))
    .requiredOption('--model <folder>', "the reasoner's folder or Hugging Face Hub id")
    .option('--task <name>', 'the task')
    .option('--data <path>', "the task's data", repeated)
    .option('--limit <count>', 'use only the first examples', positiveWholeNumber)
    .option('--label <fact>', 'the fact to decode, such as "answer"; may be repeated (default: all)', repeated)
    .option(
      '--seeds <numbers>',
      'comma-separated seeds for folds, control tasks and untrained models; scores are averaged',
      wholeNumberList,
      [0],
    )
    .option('--output <folder>', 'write probe.json, probe.md and report.html here')
    .option('--batch <count>', 'batch size', positiveWholeNumber, 32)
    .addOption(engineOption())
    .option('--json', 'print one JSON object per line', false)
    .action(async (options: ProbeOptions) => {
      const output = createOutput({ json: options.json });
      const signal = interruptSignal({ saves: false });
      const [loaded] = await loadTasks({ asked: options, output });
      const model = await findModel({ model: options.model, signal });
      await useEngine({ engine: options.engine });
      const { label: labels, seeds, batch, output: folder } = options;
      const asked = { ...(await madeWith()), model, loaded: loaded!, labels, seeds, batch, signal };
      const probes = await probeModel({ ...asked, onEvent: showEvents(output) }).finally(() => output.endProgress());
      const written = folder === undefined ? {} : await writeProbes({ probes, name: options.model, folder });
      const told = 'report' in written ? `\n  report  ${written.report}` : '';
      output.event({ event: 'probe', ...probes, ...written }, `\n${probeMarkdown(probes)}${told}`);
    });
}
