import { commandName, createOutput, includeOption, interruptSignal, resultsAreFiles, STOPPED } from '@subtext/terminal';
import { Command } from 'commander';

import { GRAPH_KIND, graphConfiguration } from '../configuration/graph-schema';
import { configurationKind, loadConfiguration } from '../configuration/load-configuration';
import { trainConfigurationNow } from '../configuration/schema';
import { includeFiles } from '../include';
import { graphRun } from '../pipeline/graph-run';
import { trainRun } from '../pipeline/train-run';

export function trainCommand(): Command {
  return new Command('train')
    .argument('<config>', 'YAML file; docs/configuration.md explains each key')
    .argument('[overrides...]', 'key=value, for example training.batchSize=64')
    .option(
      '--overwrite',
      'delete a finished run, or one of other settings, that the output folder holds, and train in its place',
      false,
    )
    .option('--dry-run', 'say what the run will take (memory, time, steps, tokens), and train nothing', false)
    .addOption(includeOption())
    .option('--json', 'one JSON object a line', false)
    .action(
      async (
        path: string,
        overrides: string[],
        { overwrite, dryRun, include, json }: { overwrite: boolean; dryRun: boolean; include: string[]; json: boolean },
      ) => {
        resultsAreFiles();
        const output = createOutput({ json });
        await includeFiles(include);
        if ((await configurationKind(path)) === GRAPH_KIND) {
          const configuration = await loadConfiguration({ path, overrides, schema: graphConfiguration });
          const result = await graphRun({ configuration, output, overwrite, dryRun, signal: interruptSignal() });
          if (result.status === 'stopped') process.exitCode = STOPPED;
          else if (result.status === 'finished')
            output.event(
              { event: 'finished', ...result },
              `\nThe reasoner is in ${result.reasoner}. Look at its thoughts:\n  ${commandName()} thoughts --model ${result.reasoner} --task prosqa-graph`,
            );
          return;
        }
        const configuration = await loadConfiguration({ path, overrides, schema: trainConfigurationNow() });
        const result = await trainRun({ configuration, include, output, overwrite, dryRun, signal: interruptSignal() });
        if (result.status === 'stopped') {
          process.exitCode = STOPPED;
          return;
        }
        if (result.status === 'estimated') return;
        output.event(
          { event: 'finished', ...result },
          `\nThe reasoner is in ${result.reasoner}. Ask it something:\n  ${commandName()} think --model ${result.reasoner} "your question"`,
        );
      },
    );
}
