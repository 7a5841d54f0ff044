import { renderReport } from '@subtext/eval';
import { useEngine, type EngineName } from '@subtext/tensor';
import {
  createOutput,
  engineOption,
  findModel,
  interruptSignal,
  positiveWholeNumber,
  repeated,
  share,
  wholeNumber,
} from '@subtext/terminal';
import { writeFileAtomically } from '@subtext/core/node';
import { Command, Option } from 'commander';
import { join } from 'node:path';

import { auditModel, type AuditSettings } from '../pipeline/audit-model';
import { dataOptions } from '../pipeline/load-tasks';

interface AuditOptions extends AuditSettings {
  engine: EngineName | 'auto';
  json: boolean;
}

export function auditCommand(): Command {
  return dataOptions(new Command('audit'))
    .requiredOption(
      '--model <folder>',
      "the reasoner's folder, or its id on the Hugging Face Hub; its interpreters/ are audited too",
    )
    .option('--task <name>', 'the task whose questions are asked')
    .requiredOption('--output <folder>', 'where the report goes; the same command resumes an interrupted audit')
    .option('--data <path>', "the task's data", repeated)
    .option('--limit <count>', 'only the first examples', positiveWholeNumber)
    .option('--batch <count>', 'questions side by side', positiveWholeNumber, 32)
    .addOption(withoutChainOption())
    .option('--cot <folder>', 'a reasoner that writes its chain, for the retained information')
    .option(
      '--floor <share>',
      "accuracy that needs no thought; by default the commonest answer's of each kind of question",
      share,
    )
    .option('--seed <number>', 'of the interventions and the resampling', wholeNumber, 0)
    .option('--no-probes', 'leaves the probes out')
    .addOption(engineOption())
    .option('--json', 'one JSON object a line', false)
    .action(async (options: AuditOptions) => {
      const output = createOutput({ json: options.json });
      const signal = interruptSignal();
      const found = async (model: string) => findModel({ model, signal });
      // The models' ids or folders as they were given stay in the title; the results name the folders.
      const settings = {
        ...options,
        model: await found(options.model),
        ...(options.cot === undefined ? {} : { cot: await found(options.cot) }),
        ...(options.noCot === undefined ? {} : { noCot: await found(options.noCot) }),
      };
      await useEngine(options.engine);
      const audit = await auditModel({ settings, output, signal });
      await writeFileAtomically({
        path: join(options.output, 'audit.json'),
        data: `${JSON.stringify(audit.result, null, 2)}\n`,
      });
      await writeFileAtomically({ path: join(options.output, 'audit.md'), data: audit.markdown });
      const report = join(options.output, 'report.html');
      await writeFileAtomically({
        path: report,
        data: renderReport({ title: `Audit of ${options.model}`, summary: audit.summary, sections: audit.sections }),
      });
      output.event({ event: 'audit', ...audit.result, report }, `\n${audit.markdown}\n  report  ${report}`);
    });
}

/** `--no-cot <folder>`: commander would take it for `--cot`'s negation. */
function withoutChainOption(): Option {
  const option = new Option('--no-cot <folder>', 'a reasoner without a chain, for the retained information');
  option.negate = false;
  return option;
}
