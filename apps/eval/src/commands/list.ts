import { includeModules } from '@subtext/core/node';
import { evaluationRegistries, evaluationTasks } from '@subtext/eval';
import { createOutput, includeOption } from '@subtext/terminal';
import { Command } from 'commander';

export function listCommand(): Command {
  return new Command('list')
    .addOption(includeOption())
    .option('--json', 'print one JSON object per line', false)
    .action(async ({ include, json }: { include: string[]; json: boolean }) => {
      const output = createOutput({ json });
      await includeModules({ paths: include, registries: evaluationRegistries });
      const width = Math.max(...evaluationTasks.map(({ name }) => name.length));
      for (const { name, description, modality, version, dataDescription, metrics, judge } of evaluationTasks) {
        output.event(
          {
            event: 'task',
            name,
            description,
            modality,
            version,
            data: dataDescription,
            metrics: [...metrics],
            needsJudge: judge !== undefined,
          },
          `${name.padEnd(width)}  ${description}\n${' '.repeat(width)}  --data: ${dataDescription}${judge === undefined ? '' : '; needs --judge-url and --judge-model'}`,
        );
      }
    });
}
