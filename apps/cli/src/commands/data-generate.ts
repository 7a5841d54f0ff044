import { ownValue } from '@subtext/core';
import type { DatasetGenerator, DatasetSplit, QuestionOnlyBaseline } from '@subtext/data';
import { createOutput, interruptSignal, resultsAreFiles, silentOutput, wholeNumber } from '@subtext/terminal';
import { Command, InvalidArgumentError, Option } from 'commander';

import { amongRanks } from '../pipeline/among-ranks';

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

export function generateCommand(name: string, generator: DatasetGenerator): Command {
  const { defaultCounts, options: known } = generator;
  const command = new Command(name)
    .description(`${generator.description} (format ${generator.format})`)
    .argument('<folder>', 'output folder')
    .option(
      '--train <count>',
      `training examples (default: ${defaultCounts.train}; none if only other splits are given)`,
      wholeNumber,
    )
    .option('--validation <count>', `validation examples (default: ${defaultCounts.validation})`, wholeNumber)
    .option('--test <count>', `test examples (default: ${defaultCounts.test})`, wholeNumber)
    .option('--seed <number>', 'random seed', wholeNumber, 42)
    .option('--option <key=value>', 'a generator option; may be repeated', keyAndValue, {})
    .option('--json', 'print one JSON object per line', false);
  const preset = known.preset;
  if (preset?.choices) command.addOption(new Option('--preset <name>', preset.description).choices(preset.choices));
  command.addHelpText(
    'after',
    `\nGenerator options (--option):\n${
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
    const given: Record<string, string> = { ...(presetName === undefined ? {} : { preset: presetName }), ...option };
    const named = Object.fromEntries(
      splits.filter((split) => counts[split] !== undefined).map((split) => [split, counts[split]!]),
    );
    await amongRanks({
      action: async (peers) => {
        const output = peers.rank === 0 ? createOutput({ json }) : silentOutput;
        const written = await generator.write({
          folder,
          seed,
          options: Object.fromEntries(
            Object.entries(given).map(([key, text]) => [key, typed(text, ownValue(known, key)?.default)]),
          ),
          counts: Object.keys(named).length > 0 ? named : undefined,
          peers,
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
      },
    });
  });
  return command;
}
