import { printableLine } from '@subtext/core';
import {
  DataError,
  detectFormat,
  examplesFile,
  findFormat,
  findOverlap,
  formatHint,
  formatNames,
  type ReasoningExample,
  withFormatHint,
} from '@subtext/data';
import { createOutput, includeOption, interruptSignal, type Output, UsageError, wholeNumber } from '@subtext/terminal';
import { Command } from 'commander';

import { includeFiles } from '../include';
import { DataUses, describeUses } from '../pipeline/data-uses';

interface CheckOptions {
  format?: string;
  against?: string;
  images: boolean;
  limit?: number;
  faults: number;
  include: string[];
  json: boolean;
}

export function checkCommand(): Command {
  return new Command('check')
    .description(
      'check a file of examples: counts, faulty records by line, which commands can use it, and overlap with another file',
    )
    .argument('<file>', 'the file, or a folder with train.jsonl')
    .option('--format <name>', 'the format (default: detected; subtext data formats lists them)')
    .option('--against <file>', 'another file in the same format; counts examples that are in both')
    .option('--no-images', 'do not decode images')
    .option('--limit <count>', 'use only the first examples', wholeNumber)
    .option('--faults <count>', 'maximum number of faults to list', wholeNumber, 20)
    .addOption(includeOption())
    .option('--json', 'print one JSON object', false)
    .action(async (file: string, options: CheckOptions) => {
      const output = createOutput(options);
      await includeFiles(options.include);
      const { path, format } = await chooseFormat({ path: await examplesFile(file), format: options.format });
      const found = await withFormatHint({
        file: path,
        format,
        work: () => check({ ...options, file: path, format, output, signal: interruptSignal() }),
      });
      if (found > 0) process.exitCode = 1;
    });
}

/** The format to read a file in: the one that was named, else the one that it looks like. */
async function chooseFormat({
  path,
  format,
}: {
  path: string;
  format?: string;
}): Promise<{ path: string; format: string }> {
  if (format !== undefined) {
    findFormat(format);
    return { path, format };
  }
  const detected = await detectFormat(path);
  if (detected === undefined)
    throw new UsageError(`${path} is in no known format. Give it with --format: ${formatNames().join(', ')}.`);
  return { path, format: detected };
}

/** Examples between notices while a large file is read. */
const NOTICE_EVERY = 10_000;

/** Reads a file once and reports it; gives the number of faulty records. */
async function check({
  file,
  format,
  against,
  images,
  limit,
  faults: shown,
  output,
  signal,
}: CheckOptions & { file: string; format: string; output: Output; signal: AbortSignal }): Promise<number> {
  const reader = findFormat(format);
  const stream = reader.read({ file, limit });
  const uses = new DataUses();
  const stages = new Map<string, number>();
  const answers = new Set<string>();
  const pictures = { examples: 0, broken: [] as { id: string; message: string }[] };
  let steps = 0;
  for await (const example of stream) {
    signal.throwIfAborted();
    uses.add(example);
    steps += example.steps.length;
    answers.add(example.answer);
    for (const { name } of example.steps) if (name !== undefined) stages.set(name, (stages.get(name) ?? 0) + 1);
    if (example.image) {
      pictures.examples += 1;
      const broken = images ? await pictureFault(example) : undefined;
      if (broken) pictures.broken.push({ id: example.id, message: broken });
    }
    if (stream.faults.examples % NOTICE_EVERY === 0) output.notice(`${stream.faults.examples} examples read …`);
  }
  const { records, examples, dropped, counts, first } = stream.faults;
  const overlap =
    against === undefined
      ? undefined
      : await findOverlap({ train: reader.read({ file: against }), heldOut: reader.read({ file, limit }) });
  const broken = pictures.broken.length;
  const commands = uses.report();
  const hint = examples === 0 ? await formatHint({ file, format }) : undefined;
  const report = {
    event: 'checked',
    file,
    format,
    records,
    examples,
    dropped,
    steps,
    stages: Object.fromEntries(stages),
    answers: answers.size,
    pictures: pictures.examples,
    brokenPictures: pictures.broken,
    faults: counts,
    first: first.slice(0, shown),
    overlap,
    commands,
    ...(hint === undefined ? {} : { hint }),
  };
  const lines = [
    `${file} as ${format}: ${examples} examples, ${(steps / Math.max(1, examples)).toFixed(1)} steps each, ${answers.size} different answers, ${pictures.examples} with a picture.`,
    ...(stages.size > 0 ? [`Stages: ${[...stages].map(([name, count]) => `${name} ${count}`).join(', ')}.`] : []),
    ...(dropped + broken === 0
      ? ['No faults.']
      : [
          `${dropped} of ${records} records are faulty${broken > 0 ? `, and ${broken} pictures cannot be decoded` : ''}.`,
        ]),
    ...Object.entries(counts).map(([kind, count]) => `  ${count} × ${kind}`),
    ...first
      .slice(0, shown)
      .map(({ line, message, dropped: left }) => `${file}:${line}: ${message}${left ? '' : ' (kept)'}`),
    ...pictures.broken.slice(0, shown).map(({ id, message }) => printableLine(`${id}: ${message}`)),
    ...(overlap
      ? [
          `${overlap.count} of ${overlap.heldOutExamples} examples (${(overlap.share * 100).toFixed(1)} %) stand in ${against} too${
            overlap.count > 0
              ? `: ${overlap.pairs
                  .slice(0, 5)
                  .map(({ train, heldOut }) => `${heldOut} = ${train}`)
                  .join(', ')}`
              : ''
          }.`,
        ]
      : []),
    ...(hint === undefined ? [] : [hint]),
    ...(examples === 0 ? [] : ['', ...describeUses(commands)]),
  ];
  output.event(report, lines.join('\n'));
  return dropped + broken;
}

/** Why a picture cannot be decoded; undefined if it can. */
async function pictureFault({ image }: ReasoningExample): Promise<string | undefined> {
  try {
    await image!.load();
    return undefined;
  } catch (error) {
    if (DataError.isInstance(error)) return error.message;
    throw error;
  }
}
