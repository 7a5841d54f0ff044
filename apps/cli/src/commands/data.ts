import { generateScenes, type QuestionOnlyBaseline, scenePresets } from '@subtext/data';
import { Command, InvalidArgumentError } from 'commander';

import { interruptSignal } from '../terminal/interrupt';
import { createOutput } from '../terminal/output';

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('a whole number is needed.');
  return value;
}

/** How well the question alone does, in words. */
export function describeBaseline(baseline: QuestionOnlyBaseline): string {
  return `The question alone reaches ${(baseline.accuracy * 100).toFixed(1)} % by look-up.`;
}

function scenesCommand(): Command {
  return new Command('scenes')
    .description('pictures of coloured shapes with questions of several hops, in the layout of LLaVA-CoT')
    .argument('<folder>', 'the folder to write')
    .option('--train <count>', 'training examples', wholeNumber, 12_000)
    .option('--validation <count>', 'validation examples', wholeNumber, 500)
    .option('--test <count>', 'test examples', wholeNumber, 1_000)
    .option('--preset <name>', Object.keys(scenePresets).join(' or '), 'small')
    .option('--seed <number>', 'of everything drawn', wholeNumber, 42)
    .option('--json', 'one JSON object a line', false)
    .action(async (folder: string, options: { train: number; validation: number; test: number; preset: keyof typeof scenePresets; seed: number; json: boolean }) => {
      const output = createOutput(options);
      const report = await generateScenes({
        folder,
        preset: options.preset,
        seed: options.seed,
        count: { train: options.train, validation: options.validation, test: options.test },
        signal: interruptSignal(),
        onProgress: ({ written, total }) => output.progress({ label: 'drawing pictures', done: written, total }),
      });
      output.endProgress();
      output.event({ event: 'generated', ...report }, `${report.kept ? 'Kept' : 'Wrote'} ${Object.entries(report.counts).map(([split, count]) => `${count} ${split}`).join(', ')} examples in ${report.folder}.`);
      if (report.baseline && !options.json) output.notice(describeBaseline(report.baseline));
    });
}

export function dataCommand(): Command {
  const generate = new Command('generate').description('make a data set').addCommand(scenesCommand());
  return new Command('data').description('make and inspect data sets').addCommand(generate);
}
