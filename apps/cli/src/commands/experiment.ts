import { createOutput, interruptSignal, resultsAreFiles, STOPPED } from '@subtext/terminal';
import { Command } from 'commander';

import { experimentConfiguration } from '../configuration/experiment-schema';
import { loadConfiguration } from '../configuration/load-configuration';
import { runExperiment } from '../pipeline/experiment';

export function experimentCommand(): Command {
  return new Command('experiment')
    .argument('<file>', 'the experiment: a base configuration, what is varied, seeds, questions')
    .argument('[overrides...]', "key=value over the file, such as seeds='[1]'")
    .option('--dry-run', 'lists the runs with what they will take, and trains nothing', false)
    .option('--json', 'one JSON object a line', false)
    .action(async (path: string, overrides: string[], { dryRun, json }: { dryRun: boolean; json: boolean }) => {
      resultsAreFiles();
      const output = createOutput({ json });
      const experiment = await loadConfiguration({ path, overrides, schema: experimentConfiguration });
      const command = ['subtext experiment', path, ...overrides].join(' ');
      const state = await runExperiment({ path, experiment, command, dryRun, output, signal: interruptSignal() });
      if (state === 'stopped') process.exitCode = STOPPED;
    });
}
