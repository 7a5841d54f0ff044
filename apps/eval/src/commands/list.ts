import { evaluationTasks } from '@subtext/eval';
import { createOutput } from '@subtext/terminal';
import { Command } from 'commander';

export function listCommand(): Command {
  return new Command('list').option('--json', 'one JSON object a line', false).action(({ json }: { json: boolean }) => {
    const output = createOutput({ json });
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
