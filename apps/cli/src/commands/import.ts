import { openRelease, type ReleaseName } from '@subtext/reasoner';
import { useEngine, type EngineName } from '@subtext/tensor';
import {
  createOutput,
  engineOption,
  findModel,
  includeOption,
  interruptSignal,
  nonNegativeNumber,
  positiveWholeNumber,
  UsageError,
} from '@subtext/terminal';
import { Command, Option } from 'commander';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { includeFiles } from '../include';

interface ImportCommandOptions {
  base: string;
  output: string;
  from?: ReleaseName;
  thoughts?: number;
  thoughtsPerStep?: number;
  loraAlpha?: number;
  include: string[];
  engine: EngineName | 'auto';
  json: boolean;
}

const releaseNames: readonly ReleaseName[] = ['coconut', 'codi', 'sim-cot'];

export function importCommand(): Command {
  return new Command('import')
    .argument('<checkpoint>', 'the checkpoint: a file, a folder, or a Hub id')
    .requiredOption(
      '--base <folder>',
      'the base model that was trained, for its config and tokenizer: a folder or Hub id',
    )
    .requiredOption('--output <folder>', 'output folder; new or empty')
    .addOption(
      new Option('--from <release>', 'the code that saved it (default: detected from the tensor names)').choices(
        releaseNames,
      ),
    )
    .option(
      '--thoughts <count>',
      "total thoughts before an answer (default: as in the release's GSM8K scripts, 6; SIM-CoT's Coconut 10)",
      positiveWholeNumber,
    )
    .option('--thoughts-per-step <count>', "Coconut's c (default: 2)", positiveWholeNumber)
    .option('--lora-alpha <number>', "α of CODI's adapters (default: 32, as in all its scripts)", nonNegativeNumber)
    .addOption(includeOption())
    .addOption(engineOption())
    .option('--json', 'print one JSON object per line', false)
    .action(async (checkpoint: string, options: ImportCommandOptions) => {
      const output = createOutput({ json: options.json });
      await includeFiles(options.include);
      const signal = interruptSignal({ saves: false });
      const folder = resolve(options.output);
      await checkEmpty(folder);
      const base = await findModel({ model: options.base, signal });
      const source = existsSync(checkpoint) ? checkpoint : await findModel({ model: checkpoint, signal });
      await useEngine({ engine: options.engine });
      const { from, thoughts, thoughtsPerStep, loraAlpha } = options;
      const { reasoner, release, notes } = await openRelease({
        checkpoint: source,
        base,
        from,
        thoughts,
        thoughtsPerStep,
        loraAlpha,
        onProgress: ({ loaded, total }) => output.progress({ label: 'Reading', done: loaded, total }),
      });
      signal.throwIfAborted();
      const { method } = reasoner.settings;
      try {
        await saveWhole({ folder, save: (to) => reasoner.save({ folder: to }) });
      } finally {
        reasoner.dispose();
      }
      const asked = JSON.stringify(options.output);
      output.event(
        { event: 'import', checkpoint, release, method, output: options.output, notes },
        [
          `A checkpoint of ${release}, method ${method.name}.`,
          ...notes.map((note) => `  ${note}`),
          `Wrote ${options.output}. Ask it, measure it, see whether its thoughts are used:`,
          `  subtext think "QUESTION" --model ${asked}`,
          `  subtext eval run --model ${asked} --task gsm8k-aug --data FILE --output RESULTS`,
          `  subtext eval audit --model ${asked} --task gsm8k-aug --data FILE --output AUDIT`,
        ].join('\n'),
      );
    });
}

async function checkEmpty(folder: string): Promise<void> {
  const names = existsSync(folder) ? await readdir(folder).catch(() => ['a file']) : [];
  if (names.length > 0)
    throw new UsageError(`${folder} is there already, with ${names.slice(0, 3).join(', ')}: give a new folder.`);
}

/** Saves beside the folder and gives it the name at the end: a folder that is there is whole. */
async function saveWhole({ folder, save }: { folder: string; save: (folder: string) => Promise<void> }): Promise<void> {
  const partial = join(dirname(folder), `.${basename(folder)}.partial-${process.pid}`);
  try {
    await mkdir(partial, { recursive: true });
    await save(partial);
    // An empty folder gives way.
    await rm(folder, { recursive: true, force: true });
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}
