import { describeEngines, useEngine } from '@subtext/tensor';
import { Command } from 'commander';
import { availableParallelism, freemem, totalmem } from 'node:os';

import { createOutput } from '../terminal/output';

const gibibyte = 2 ** 30;

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('say what this machine has, and which engine would run and why')
    .option('--json', 'one JSON object', false)
    .action(async ({ json }: { json: boolean }) => {
      const output = createOutput({ json });
      const engines = await describeEngines();
      const choice = await useEngine('auto');
      const machine = {
        node: process.versions.node,
        platform: `${process.platform} ${process.arch}`,
        cores: availableParallelism(),
        memoryGiB: Number((totalmem() / gibibyte).toFixed(1)),
        freeMemoryGiB: Number((freemem() / gibibyte).toFixed(1)),
      };
      if (json) return output.event({ event: 'doctor', machine, engines, choice });
      output.notice(`Node ${machine.node} on ${machine.platform}, ${machine.cores} cores, ${machine.memoryGiB} GiB of memory (${machine.freeMemoryGiB} free)\n`);
      for (const engine of engines) output.notice(`${JSON.stringify(engine)}`);
      output.notice(`\nTaken by default: ${JSON.stringify(choice)}`);
    });
}
