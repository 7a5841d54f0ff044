import {
  createOutput,
  includeOption,
  interruptSignal,
  positiveWholeNumber,
  resultsAreFiles,
  STOPPED,
} from '@subtext/terminal';
import { Command, Option } from 'commander';

import { loadConfiguration } from '../configuration/load-configuration';
import { experimentConfiguration } from '../experiment/experiment-schema';
import { runExperiment } from '../experiment/run-experiment';
import { includeFiles } from '../include';

interface ExperimentOptions {
  dryRun: boolean;
  parallel: number;
  only?: string;
  include: string[];
  json: boolean;
}

export function experimentCommand(): Command {
  return new Command('experiment')
    .argument('<file>', 'the experiment: a base configuration, what is varied, seeds, questions')
    .argument('[overrides...]', "key=value over the file, such as seeds='[1]'")
    .option('--dry-run', 'lists the runs with what they will take, and trains nothing', false)
    .option('--parallel <count>', 'runs side by side, each in a process of its own', positiveWholeNumber, 1)
    .addOption(new Option('--only <run>', 'carries out one run').hideHelp())
    .addOption(includeOption())
    .option('--json', 'one JSON object a line', false)
    .action(async (path: string, overrides: string[], options: ExperimentOptions) => {
      resultsAreFiles();
      const output = createOutput(options);
      await includeFiles(options.include);
      const experiment = await loadConfiguration({ path, overrides, schema: experimentConfiguration });
      const modules = options.include.flatMap((module) => ['--include', module]);
      const command = ['subtext experiment', path, ...overrides, ...modules].join(' ');
      const words = [process.argv[1]!, 'experiment', path, ...overrides, ...modules, '--json', '--only'];
      const signal = interruptSignal();
      const state = await runExperiment({ ...options, path, experiment, command, words, output, signal });
      if (state === 'stopped') process.exitCode = STOPPED;
    });
}
