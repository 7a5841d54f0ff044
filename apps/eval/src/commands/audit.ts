import { auditModel, checkAuditable, writeAudit } from '@subtext/eval';
import { useEngine, type EngineName } from '@subtext/tensor';
import {
  createOutput,
  engineOption,
  findModel,
  interruptSignal,
  positiveWholeNumber,
  repeated,
  share,
  silentOutput,
  UsageError,
  wholeNumber,
} from '@subtext/terminal';
import { Command, Option } from 'commander';

import { amongRanks, type Ranks } from '../among-ranks';
import { dataOptions, includeAsked, loadTasks, tasksOf, type AskedData } from '../load-tasks';
import { madeWith } from '../made-with';
import { showEvents } from '../show-events';

interface AuditOptions extends AskedData {
  model: string;
  output: string;
  batch: number;
  noCot?: string;
  cot?: string;
  control?: string;
  floor?: number;
  seed: number;
  probes: boolean;
  engine: EngineName | 'auto';
  json: boolean;
}

export function auditCommand(): Command {
  return dataOptions(new Command('audit'))
    .requiredOption(
      '--model <folder>',
      "the reasoner's folder or Hugging Face Hub id; its interpreters/ are audited too",
    )
    .option('--task <name>', 'the task')
    .requiredOption('--output <folder>', 'output folder; the same command resumes an interrupted audit')
    .option('--data <path>', "the task's data", repeated)
    .option('--limit <count>', 'use only the first examples', positiveWholeNumber)
    .option('--batch <count>', 'batch size', positiveWholeNumber, 32)
    .addOption(withoutChainOption())
    .option('--cot <folder>', 'a reasoner with a written chain, for retained information')
    .option(
      '--control <folder>',
      'a matched control, such as one trained the same way without visibility, shown alongside',
    )
    .option(
      '--floor <share>',
      'accuracy achievable without thoughts (default: that of the most common answer for each kind of question)',
      share,
    )
    .option('--seed <number>', 'seed for interventions and resampling', wholeNumber, 0)
    .option('--no-probes', 'skip the probes')
    .addOption(engineOption())
    .option('--json', 'print one JSON object per line', false)
    .action((options: AuditOptions) => amongRanks((ranks) => audit({ options, ranks })));
}

async function audit({ options, ranks }: { options: AuditOptions; ranks: Ranks }): Promise<void> {
  const output = ranks.rank === 0 ? createOutput({ json: options.json }) : silentOutput;
  const signal = interruptSignal();
  const { cot, noCot, output: folder } = options;
  if ((noCot === undefined) !== (cot === undefined))
    throw new UsageError('The retained information needs both --no-cot and --cot.');
  await includeAsked(options);
  for (const task of tasksOf(options)) checkAuditable(task);
  const [loaded] = await loadTasks({ asked: options, output });
  const folderOf = (model: string) => findModel({ model, signal });
  // The model's id or folder as it was given stays in the title; the results name the folder.
  const model = await folderOf(options.model);
  const retained =
    cot === undefined || noCot === undefined
      ? undefined
      : { withoutChain: await folderOf(noCot), written: await folderOf(cot) };
  const control = options.control === undefined ? undefined : await folderOf(options.control);
  await useEngine({ engine: options.engine });
  const made = await madeWith();
  const asked = { ...options, ...made, model, retained, control, loaded: loaded!, folder, peers: ranks, signal };
  const found = await auditModel({ ...asked, onEvent: showEvents(output) }).finally(() => output.endProgress());
  if (ranks.rank > 0) return;
  const { markdown, report } = await writeAudit({ audit: found, name: options.model, options: asked });
  output.event({ event: 'audit', ...found.result, report }, `\n${markdown}\n  report  ${report}`);
}

/** `--no-cot <folder>`: commander would take it for `--cot`'s negation. */
function withoutChainOption(): Option {
  const option = new Option('--no-cot <folder>', 'a reasoner without a chain, for retained information');
  option.negate = false;
  return option;
}
