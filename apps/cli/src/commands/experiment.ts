import { parseShard, type Shard } from '@subtext/eval';
import {
  createOutput,
  includeOption,
  interruptSignal,
  positiveWholeNumber,
  resultsAreFiles,
  silentOutput,
  STOPPED,
  UsageError,
} from '@subtext/terminal';
import { Command, Option } from 'commander';

import { loadConfiguration } from '../configuration/load-configuration';
import { experimentConfiguration } from '../experiment/experiment-schema';
import { runExperiment } from '../experiment/run-experiment';
import { includeFiles } from '../include';
import { amongRanks } from '../pipeline/among-ranks';

interface ExperimentOptions {
  dryRun: boolean;
  parallel: number;
  only?: string;
  shard?: Shard;
  include: string[];
  json: boolean;
}

export function experimentCommand(): Command {
  return new Command('experiment')
    .argument('<file>', 'the experiment: base configuration, what varies, seeds, questions')
    .argument('[overrides...]', "overrides, such as seeds='[1]'")
    .option('--dry-run', 'list the runs with estimates, without training', false)
    .option('--parallel <count>', 'runs to train at once, each in its own process', positiveWholeNumber, 1)
    .option(
      '--shard <number/of>',
      'do only one part of the runs, such as 3/8; run the command without it to combine all parts',
      parseShard,
    )
    .addOption(new Option('--only <run>', 'do a single run').hideHelp())
    .addOption(includeOption())
    .option('--json', 'print one JSON object per line', false)
    .action(async (path: string, overrides: string[], options: ExperimentOptions) => {
      resultsAreFiles();
      await includeFiles(options.include);
      const experiment = await loadConfiguration({ path, overrides, schema: experimentConfiguration });
      const modules = options.include.flatMap((module) => ['--include', module]);
      const command = ['subtext experiment', path, ...overrides, ...modules].join(' ');
      const words = [process.argv[1]!, 'experiment', path, ...overrides, ...modules, '--json', '--only'];
      const signal = interruptSignal();
      await amongRanks({
        // A rank waits for the runs of the others, which take what they take.
        deadlineSeconds: 0,
        action: async (peers) => {
          const { parallel, shard, only } = options;
          if (peers.size > 1 && (parallel > 1 || shard !== undefined || only !== undefined))
            throw new UsageError(
              'Under a launcher the processes distribute the runs themselves: leave out --parallel and --shard.',
            );
          if (parallel > 1 && shard !== undefined)
            throw new UsageError('--shard does its runs one after the other: leave out --parallel or --shard.');
          const output = peers.rank === 0 ? createOutput(options) : silentOutput;
          const state = await runExperiment({ ...options, path, experiment, command, words, peers, output, signal });
          if (state === 'stopped') process.exitCode = STOPPED;
        },
      });
    });
}
