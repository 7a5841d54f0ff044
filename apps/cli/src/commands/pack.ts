import { savePack, type PackForm } from '@subtext/reasoner';
import { useEngine, type EngineName, type WeightDtype } from '@subtext/tensor';
import {
  createOutput,
  dtypeOption,
  engineFor,
  engineOption,
  findModel,
  includeOption,
  interruptSignal,
  nonNegativeNumber,
  positiveWholeNumber,
  STOPPED,
  UsageError,
  wholeNumber,
} from '@subtext/terminal';
import { packTrainingDefaults, trainPack } from '@subtext/trainer';
import { Command, Option } from 'commander';
import { basename } from 'node:path';

import { includeFiles } from '../include';
import { modelWork } from '../pipeline/model-work';
import { readDocuments, readQuestions } from '../pipeline/pack-texts';
import { studyDocument } from '../pipeline/study-document';

interface PackCommandOptions {
  model: string;
  output: string;
  positions?: number;
  form: PackForm;
  questions?: string;
  texts: number;
  steps: number;
  batchSize: number;
  learningRate: number;
  seed: number;
  include: string[];
  dtype: WeightDtype;
  engine: EngineName | 'auto';
  json: boolean;
}

/** Positions of a document for one of its pack, unless asked otherwise. */
const DEFAULT_RATIO = 8;

export function packCommand(): Command {
  return new Command('pack')
    .argument('<document...>', 'text files, condensed together in this order')
    .requiredOption('--model <folder>', 'the model for the pack: a reasoner or Hugging Face model folder, or a Hub id')
    .requiredOption('--output <file>', 'output file (safetensors)')
    .option(
      '--positions <count>',
      `positions in the pack (default: one per ${DEFAULT_RATIO} of the document)`,
      positiveWholeNumber,
    )
    .addOption(
      new Option(
        '--form <form>',
        'cache: keys and values of every layer; thoughts: vectors in place of token embeddings, a smaller file',
      )
        .choices(['cache', 'thoughts'])
        .default('cache'),
    )
    .option(
      '--questions <file>',
      "questions, one per line: study the model's answers to them with the document (default: study its continuations of pieces of the document)",
    )
    .option(
      '--texts <count>',
      'without --questions: number of texts to generate for self-study',
      positiveWholeNumber,
      256,
    )
    .option('--steps <count>', 'self-study steps', positiveWholeNumber, packTrainingDefaults.steps)
    .option('--batch-size <count>', 'texts per step', positiveWholeNumber, packTrainingDefaults.batchSize)
    .option('--learning-rate <number>', 'peak learning rate', nonNegativeNumber, packTrainingDefaults.learningRate)
    .option('--seed <number>', 'random seed', wholeNumber, 0)
    .addOption(includeOption())
    .addOption(dtypeOption())
    .addOption(engineOption())
    .option('--json', 'print one JSON object per line', false)
    .action(async (documents: string[], options: PackCommandOptions) => {
      const output = createOutput({ json: options.json });
      if (!options.output.endsWith('.safetensors'))
        throw new UsageError(`--output must end in .safetensors, not "${options.output}".`);
      const text = await readDocuments(documents);
      const questions = options.questions === undefined ? undefined : await readQuestions(options.questions);
      await includeFiles(options.include);
      const signal = interruptSignal({});
      const folder = await findModel({ model: options.model, signal });
      const { dtype, form, seed, steps, batchSize, learningRate, texts: count } = options;
      const work = await modelWork({ folder, positions: steps * batchSize * 32 });
      await useEngine({ engine: engineFor({ engine: options.engine, dtype }), work });
      const { document, texts, unknownWords } = await studyDocument({
        folder,
        dtype,
        text,
        questions,
        count,
        seed,
        signal,
      });
      if (unknownWords.length > 0)
        output.notice(
          `Warning: the model does not know ${unknownWords.length === 1 ? 'a word' : `${unknownWords.length} words`} of the document (${unknownWords.slice(0, 5).join(', ')}): it reads them as unknown.`,
        );
      const positions = options.positions ?? Math.max(1, Math.floor(document.length / DEFAULT_RATIO));
      const runFolder = `${options.output}.run`;
      const { pack, outcome } = await trainPack({
        folder: runFolder,
        save: (made) => savePack({ path: options.output, pack: made }),
        model: { kind: 'folder', folder, dtype },
        document,
        texts,
        positions,
        form,
        documents: documents.map((path) => basename(path)),
        steps,
        batchSize: Math.min(batchSize, texts.length),
        learningRate,
        seed,
        signal,
        onNotice: (notice) => output.notice(`  ${notice}`),
        onProgress: ({ step, steps: all, secondsLeft, loss, metrics }) =>
          output.progress({
            label: 'self-study',
            done: step,
            total: all,
            secondsLeft,
            details: `KL ${loss.toFixed(3)}  same word ${(100 * metrics.agreement!).toFixed(0)} %`,
          }),
      });
      output.endProgress();
      if (outcome.status === 'stopped') {
        output.notice(`Stopped at step ${outcome.steps}. Start the same command again to resume.`);
        process.exitCode = STOPPED;
        return;
      }
      const ratio = pack.span / positions;
      output.event(
        {
          event: 'pack',
          output: options.output,
          documents: pack.documents,
          positions,
          span: pack.span,
          ratio,
          form,
          texts: texts.length,
          steps: outcome.steps,
          seconds: outcome.seconds,
          model: pack.model,
        },
        [
          `Wrote ${options.output}: ${positions} positions in place of ${pack.span} (${ratio.toFixed(1)} ×). Go on from it:`,
          `  subtext think "QUESTION" --model ${JSON.stringify(options.model)} --pack ${JSON.stringify(options.output)}`,
        ].join('\n'),
      );
    });
}
