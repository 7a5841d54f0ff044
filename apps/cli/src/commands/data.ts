import { ownValue, printableLine } from '@subtext/core';
import {
  DataError,
  detectFormat,
  findFormat,
  findOverlap,
  formats,
  generators,
  type DatasetGenerator,
  type DatasetSplit,
  type GeneratorName,
  type QuestionOnlyBaseline,
  type ReasoningExample,
} from '@subtext/data';
import {
  createOutput,
  interruptSignal,
  type Output,
  resultsAreFiles,
  UsageError,
  wholeNumber,
} from '@subtext/terminal';
import { Command, InvalidArgumentError, Option } from 'commander';

import { DataUses, describeUses } from '../pipeline/data-uses';
import { dataFile, formatHint, withFormatHint } from '../pipeline/read-examples';

/** How well the question alone does, in words. */
export function describeBaseline(baseline: QuestionOnlyBaseline): string {
  return `The question alone reaches ${(baseline.accuracy * 100).toFixed(1)} % by look-up.`;
}

const splits: readonly DatasetSplit[] = ['train', 'validation', 'test'];

interface GenerateOptions {
  train?: number;
  validation?: number;
  test?: number;
  seed: number;
  option: Record<string, string>;
  preset?: string;
  json: boolean;
}

/** `--option key=value`, gathered. */
function keyAndValue(text: string, earlier: Record<string, string>): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('write key=value.');
  return { ...earlier, [text.slice(0, equals)]: text.slice(equals + 1) };
}

/** A value as the option's default has it: a number, a truth value or a text. What does not fit is left for the generator to name. */
function typed(text: string, example: unknown): unknown {
  if (typeof example === 'number' && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
  if (typeof example === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

function generateCommand(name: string, generator: DatasetGenerator): Command {
  const { defaultCounts, options: known } = generator;
  const command = new Command(name)
    .description(`${generator.description} (format ${generator.format})`)
    .argument('<folder>', 'the folder to write')
    .option(
      '--train <count>',
      `training examples (default: ${defaultCounts.train}; where only others are given, none)`,
      wholeNumber,
    )
    .option('--validation <count>', `validation examples (default: ${defaultCounts.validation})`, wholeNumber)
    .option('--test <count>', `test examples (default: ${defaultCounts.test})`, wholeNumber)
    .option('--seed <number>', 'of everything drawn', wholeNumber, 42)
    .option('--option <key=value>', 'a setting of the generator; may be given several times', keyAndValue, {})
    .option('--json', 'one JSON object a line', false);
  const preset = known.preset;
  if (preset?.choices) command.addOption(new Option('--preset <name>', preset.description).choices(preset.choices));
  command.addHelpText(
    'after',
    `\nSettings (--option):\n${
      Object.entries(known)
        .map(
          ([key, { description, default: value, choices }]) =>
            `  ${key}=${value}  ${description}${choices ? ` (${choices.join(', ')})` : ''}`,
        )
        .join('\n') || '  none'
    }`,
  );
  command.action(async (folder: string, { seed, option, preset: presetName, json, ...counts }: GenerateOptions) => {
    resultsAreFiles();
    const output = createOutput({ json });
    const given: Record<string, string> = { ...(presetName === undefined ? {} : { preset: presetName }), ...option };
    const named = Object.fromEntries(
      splits.filter((split) => counts[split] !== undefined).map((split) => [split, counts[split]!]),
    );
    const written = await generator.write({
      folder,
      seed,
      options: Object.fromEntries(
        Object.entries(given).map(([key, text]) => [key, typed(text, ownValue(known, key)?.default)]),
      ),
      counts: Object.keys(named).length > 0 ? named : undefined,
      signal: interruptSignal(),
      onProgress: ({ written: done, total }) => output.progress({ label: 'writing examples', done, total }),
    });
    output.endProgress();
    output.event(
      { event: 'generated', generator: name, format: generator.format, ...written },
      [
        `${written.kept ? 'Kept, as it was made with the same options:' : 'Wrote'} ${splits
          .filter((split) => written.counts[split] > 0)
          .map((split) => `${written.counts[split]} ${split}`)
          .join(', ')} examples in ${written.folder}.`,
        ...written.notes,
      ].join('\n'),
    );
  });
  return command;
}

function formatsCommand(): Command {
  return new Command('formats')
    .description('list the formats that can be read, and the generators that write them')
    .option('--json', 'one JSON object', false)
    .action(({ json }: { json: boolean }) => {
      const output = createOutput({ json });
      const list = (entries: Record<string, { description: string }>) =>
        Object.entries(entries).map(([name, { description }]) => ({ name, description }));
      const width =
        Math.max(
          ...Object.keys(formats).map(({ length }) => length),
          ...Object.keys(generators).map(({ length }) => length),
        ) + 2;
      const lines = (entries: Record<string, { description: string }>) =>
        list(entries)
          .map(({ name, description }) => `  ${name.padEnd(width)}${description}`)
          .join('\n');
      output.event(
        { event: 'formats', formats: list(formats), generators: list(generators) },
        `Formats:\n${lines(formats)}\n\nGenerators (subtext data generate NAME FOLDER):\n${lines(generators)}`,
      );
    });
}

interface CheckOptions {
  format?: string;
  against?: string;
  images: boolean;
  limit?: number;
  faults: number;
  json: boolean;
}

function checkCommand(): Command {
  return new Command('check')
    .description(
      'read a file of examples; count them, name faulty records by line, say what each command can do with them, and find what two files share',
    )
    .argument('<file>', 'the file, or the folder of its train.jsonl')
    .option('--format <name>', `by default, what the file looks like; one of ${Object.keys(formats).join(', ')}`)
    .option('--against <file>', 'another file of the format: examples that stand in both are counted')
    .option('--no-images', 'do not decode the pictures')
    .option('--limit <count>', 'read only the first examples', wholeNumber)
    .option('--faults <count>', 'faults to show', wholeNumber, 20)
    .option('--json', 'one JSON object', false)
    .action(async (file: string, options: CheckOptions) => {
      const output = createOutput(options);
      const { path, format } = await chooseFormat({ path: await dataFile(file), format: options.format });
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
    throw new UsageError(
      `${path} looks like no format that is known. Name it by --format: ${Object.keys(formats).join(', ')}.`,
    );
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

export function dataCommand(): Command {
  const generate = new Command('generate').description('make a data set');
  for (const [name, generator] of Object.entries(generators) as [GeneratorName, DatasetGenerator][])
    generate.addCommand(generateCommand(name, generator));
  return new Command('data').addCommand(generate).addCommand(formatsCommand()).addCommand(checkCommand());
}
