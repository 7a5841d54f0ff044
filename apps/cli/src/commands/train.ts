import {
  commandName,
  createOutput,
  includeOption,
  interruptSignal,
  resultsAreFiles,
  silentOutput,
  STOPPED,
} from '@subtext/terminal';
import { Command } from 'commander';

import { GRAPH_KIND, graphConfiguration } from '../configuration/graph-schema';
import { configurationKind, loadConfiguration } from '../configuration/load-configuration';
import { trainConfigurationNow } from '../configuration/schema';
import { includeFiles } from '../include';
import { amongRanks } from '../pipeline/among-ranks';
import { graphRun } from '../pipeline/graph-run';
import { trainRun } from '../pipeline/train-run';

export function trainCommand(): Command {
  return new Command('train')
    .argument('<config>', 'YAML file; docs/configuration.md explains each key')
    .argument('[overrides...]', 'configuration overrides, such as training.batchSize=64')
    .option('--overwrite', 'replace a run in the output folder that is finished or has other settings', false)
    .option('--dry-run', 'estimate memory, time, steps and tokens without training', false)
    .addOption(includeOption())
    .option('--json', 'print one JSON object per line', false)
    .action(
      async (
        path: string,
        overrides: string[],
        { overwrite, dryRun, include, json }: { overwrite: boolean; dryRun: boolean; include: string[]; json: boolean },
      ) => {
        resultsAreFiles();
        await includeFiles(include);
        const graphs = (await configurationKind(path)) === GRAPH_KIND;
        const configuration = graphs
          ? await loadConfiguration({ path, overrides, schema: graphConfiguration })
          : await loadConfiguration({ path, overrides, schema: trainConfigurationNow() });
        await amongRanks({
          deadlineSeconds: configuration.ranks?.deadlineSeconds,
          action: async (collective) => {
            const first = collective.rank === 0;
            const output = first ? createOutput({ json }) : silentOutput;
            const shared = { output, overwrite, dryRun, collective, signal: interruptSignal({ quiet: !first }) };
            const { status, ...result } =
              'kind' in configuration
                ? await graphRun({ configuration, ...shared })
                : await trainRun({ configuration, include, ...shared });
            if (status === 'stopped') process.exitCode = STOPPED;
            if (status !== 'finished') return;
            const next = graphs
              ? `Look at its thoughts:\n  ${commandName()} thoughts --model ${result.reasoner} --task prosqa-graph`
              : `Ask it something:\n  ${commandName()} think --model ${result.reasoner} "your question"`;
            output.event({ event: 'finished', status, ...result }, `\nThe reasoner is in ${result.reasoner}. ${next}`);
          },
        });
      },
    );
}
