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
    .argument('<file>', 'the experiment: a base configuration, what is varied, seeds, questions')
    .argument('[overrides...]', "key=value over the file, such as seeds='[1]'")
    .option('--dry-run', 'lists the runs with what they will take, and trains nothing', false)
    .option('--parallel <count>', 'runs side by side, each in a process of its own', positiveWholeNumber, 1)
    .option(
      '--shard <number/of>',
      'carries out only one part of the runs, such as 3/8; the command without it puts all parts together',
      parseShard,
    )
    .addOption(new Option('--only <run>', 'carries out one run').hideHelp())
    .addOption(includeOption())
    .option('--json', 'one JSON object a line', false)
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
              'The processes of a launcher share the runs themselves: leave --parallel and --shard out.',
            );
          if (parallel > 1 && shard !== undefined)
            throw new UsageError(
              'A part of the runs is carried out one after the other: leave --parallel or --shard out.',
            );
          const output = peers.rank === 0 ? createOutput(options) : silentOutput;
          const state = await runExperiment({ ...options, path, experiment, command, words, peers, output, signal });
          if (state === 'stopped') process.exitCode = STOPPED;
        },
      });
    });
}
