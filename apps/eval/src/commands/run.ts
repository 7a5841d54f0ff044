import { meanAndDeviation } from '@subtext/core';
import { writeFileAtomically } from '@subtext/core/node';
import {
  buildResults,
  chooseFilters,
  evaluateTask,
  gitHash,
  hashExamples,
  hashFolder,
  judgeSamples,
  openAiCompatibleJudge,
  renderReport,
  requireJudge,
  RunFolder,
  runMarkdown,
  runSections,
  writeResults,
  type EvaluationResults,
  type JudgeEndpoint,
  type SampleRecord,
} from '@subtext/eval';
import { engineName, useEngine, type EngineName } from '@subtext/tensor';
import {
  createOutput,
  engineOption,
  findModel,
  interruptSignal,
  nonNegativeNumber,
  type Output,
  positiveWholeNumber,
  repeated,
  UsageError,
  wholeNumberList,
  wordList,
} from '@subtext/terminal';
import { Command } from 'commander';
import { join } from 'node:path';

import { dataOptions, loadTasks, type AskedData, type LoadedData } from '../pipeline/load-tasks';
import { openAnsweringModel, type OpenedModel } from '../pipeline/open-answering-model';
import { reportImages } from '../pipeline/report-images';
import { machine, packageVersions } from '../pipeline/versions';

interface RunOptions extends AskedData {
  model: string;
  output: string;
  batch: number;
  seeds: number[];
  temperature: number;
  maxTokens?: number;
  filters?: string[];
  judgeUrl?: string;
  judgeModel?: string;
  engine: EngineName | 'auto';
  json: boolean;
}

export function runCommand(): Command {
  return dataOptions(new Command('run'))
    .requiredOption(
      '--model <folder>',
      "a reasoner's folder, or a Hugging Face model as it is: a folder, or an id on the hub",
    )
    .option('--task <names>', 'tasks, between commas (subtext-eval list shows them)', wordList)
    .requiredOption('--output <folder>', 'where results go; the same command resumes an interrupted run')
    .option('--data <path>', "a task's data; NAME=PATH, repeated, for several tasks", repeated)
    .option('--limit <count>', 'only the first examples of each task', positiveWholeNumber)
    .option('--batch <count>', 'questions side by side', positiveWholeNumber, 32)
    .option('--temperature <number>', 'above 0: answers are drawn', nonNegativeNumber, 0)
    .option(
      '--seeds <numbers>',
      'seeds of the draws, between commas: a run each, and their mean ± sd',
      wholeNumberList,
      [0],
    )
    .option('--max-tokens <count>', 'most tokens of a response', positiveWholeNumber)
    .option(
      '--filters <names>',
      "which of the tasks' further answer filters are reported beside their own rule, between commas (default: all)",
      wordList,
    )
    .option(
      '--judge-url <address>',
      'an OpenAI-compatible endpoint for tasks that a judge scores; its key in SUBTEXT_JUDGE_KEY',
    )
    .option('--judge-model <name>', 'the model behind it')
    .addOption(engineOption())
    .option('--json', 'one JSON object a line', false)
    .action(async (options: RunOptions) => {
      const output = createOutput({ json: options.json });
      const { seeds, temperature, judgeUrl, judgeModel } = options;
      if (seeds.length > 1 && temperature === 0)
        throw new UsageError(
          'Several seeds give one and the same run without draws; add --temperature, such as --temperature 0.7.',
        );
      if ((judgeUrl === undefined) !== (judgeModel === undefined))
        throw new UsageError('A judge needs both --judge-url and --judge-model.');
      const judge =
        judgeUrl === undefined
          ? undefined
          : openAiCompatibleJudge({
              baseUrl: judgeUrl,
              model: judgeModel as string,
              apiKey: process.env.SUBTEXT_JUDGE_KEY,
            });
      const signal = interruptSignal();
      const everything = await loadTasks({ asked: options, output });
      const asked =
        options.filters === undefined ? everything : chooseFilters({ loaded: everything, names: options.filters });
      for (const { task } of asked) if (task.judge) requireJudge({ task, judge });
      const folder = await findModel({ model: options.model, signal });
      await useEngine(options.engine);
      const opened = await openAnsweringModel({ folder, loaded: asked });
      const { loaded } = opened;
      for (const one of loaded) tellUnknownWords({ loaded: one, opened, output });
      try {
        const modelHash = await hashFolder(folder);
        const all: EvaluationResults[] = [];
        for (const seed of seeds) {
          if (seeds.length > 1) output.heading(`Seed ${seed}`);
          all.push(
            await runOnce({
              options,
              loaded,
              opened,
              modelHash,
              judge,
              seed,
              folder: seeds.length > 1 ? join(options.output, `seed-${seed}`) : options.output,
              output,
              signal,
            }),
          );
        }
        if (seeds.length > 1) await summarizeSeeds({ all, seeds, folder: options.output, loaded, output });
      } finally {
        opened.dispose();
      }
    });
}

/** Words that a message names. */
const NAMED = 10;

/** What the model cannot read, it answers as if something else had been asked: accuracy on such questions says little. */
function tellUnknownWords({
  loaded: { task, examples },
  opened,
  output,
}: {
  loaded: LoadedData;
  opened: OpenedModel;
  output: Output;
}): void {
  const words = new Set<string>();
  let questions = 0;
  for (const example of examples) {
    const unknown = opened.unknownWords(task.prompt(example));
    if (unknown.length > 0) questions += 1;
    for (const word of unknown) words.add(word);
  }
  if (questions === 0) return;
  const named = [...words].slice(0, NAMED).join(', ');
  output.event(
    { event: 'unknown-words', task: task.name, questions, of: examples.length, words: [...words] },
    `  Warning: ${questions} of ${examples.length} questions of ${task.name} have words that the model does not know: ${named}${words.size > NAMED ? ', …' : ''}.`,
  );
}

async function runOnce({
  options,
  loaded,
  opened,
  modelHash,
  judge,
  seed,
  folder,
  output,
  signal,
}: {
  options: RunOptions;
  loaded: readonly LoadedData[];
  opened: OpenedModel;
  modelHash: string;
  judge: JudgeEndpoint | undefined;
  seed: number;
  folder: string;
  output: Output;
  signal: AbortSignal;
}): Promise<EvaluationResults> {
  const { temperature, limit, maxTokens, batch, model: modelFolder } = options;
  const generation = {
    temperature,
    ...(temperature > 0 ? { seed } : {}),
    ...(maxTokens === undefined ? {} : { max_new_tokens: maxTokens }),
  };
  // What is asked is its words and pictures: the file's hash alone would not tell that a picture was exchanged.
  const examplesHashes = new Map(
    await Promise.all(loaded.map(async ({ task, examples }) => [task.name, await hashExamples(examples)] as const)),
  );
  const tasks = Object.fromEntries(
    loaded.map(({ task }) => [task.name, { version: task.version, examples: examplesHashes.get(task.name) }]),
  );
  const settings = {
    generation,
    limit: limit ?? null,
    engine: engineName(),
    ...(judge ? { judge: judge.model } : {}),
    // Samples keep what each filter took: those of other filters are of another run.
    ...(options.filters ? { filters: options.filters } : {}),
  };
  const run = await RunFolder.open({ folder, identity: { modelHash, tasks, settings } });
  try {
    if (run.resumed)
      output.event({ event: 'resumed', folder }, `  ${folder} was begun before: finished samples are kept.`);
    const model = opened.answering({
      temperature,
      seed,
      signal,
      ...(maxTokens === undefined ? {} : { maximumTokens: maxTokens }),
    });
    const finished: { loaded: LoadedData; samples: SampleRecord[]; measures: Record<string, number> }[] = [];
    for (const one of loaded) {
      const { task } = one;
      const file = await run.samples(task.name);
      let samples: SampleRecord[];
      const before = file.finished.size;
      const begun = performance.now();
      try {
        samples = await evaluateTask({
          loaded: one,
          model,
          file,
          batch,
          generation,
          signal,
          onProgress: ({ done, total, correct, unparseable, failed }) =>
            output.progress({
              label: task.name,
              done,
              total,
              secondsLeft: (((performance.now() - begun) / 1000) * (total - done)) / Math.max(1, done - before),
              details: [
                task.judge ? '' : `${((100 * correct) / done).toFixed(1)} % right`,
                unparseable > 0 ? `${unparseable} unparseable` : '',
                failed > 0 ? `${failed} failed` : '',
              ]
                .filter(Boolean)
                .join(', '),
            }),
        });
      } finally {
        output.endProgress();
        await file.close();
      }
      if (task.judge) {
        const judged = await judgeSamples({
          task,
          samples,
          examples: one.examples,
          judge,
          signal,
          path: file.path.replace(/samples_/, 'judgements_'),
          onProgress: ({ done, total }) => output.progress({ label: `${task.name}: judging`, done, total }),
        });
        output.endProgress();
        samples = judged.samples;
        if (judged.unreadable > 0)
          output.event(
            { event: 'unreadable', task: task.name, count: judged.unreadable },
            `  ${task.name}: ${judged.unreadable} judgements could not be read and count as wrong.`,
          );
      }
      finished.push({ loaded: one, samples, measures: task.measure?.(samples) ?? {} });
    }
    const results = buildResults({
      tasks: finished.map(({ loaded: { task, total, faults, dataHash, path }, samples, measures }) => ({
        task: task.name,
        version: task.version,
        samples,
        total,
        higherIsBetter: Object.fromEntries(task.metrics.map(({ name, higherIsBetter }) => [name, higherIsBetter])),
        config: {
          dataset_path: path,
          generation_kwargs: generation,
          description: task.description,
          examples_hash: examplesHashes.get(task.name),
          ...(task.filters === undefined
            ? {}
            : {
                filter: task.filter,
                filter_list: task.filters.map(({ name, description }) => ({ name, description })),
              }),
        },
        ...(dataHash === null ? {} : { dataHash }),
        dropped: faults.dropped,
        measures,
      })),
      modelName: modelFolder,
      modelHash,
      gitHash: await gitHash({ folder: '.' }),
      date: run.date,
      config: {
        method: opened.method,
        limit: limit ?? null,
        batch,
        generation,
        ...(await machine()),
        ...(judge ? { judge: judge.model } : {}),
      },
      packageVersions: packageVersions(),
    });
    const path = await writeResults({ folder, results });
    const reported = await Promise.all(
      finished.map(async ({ loaded: { task, examples }, samples }) => ({
        task: task.name,
        samples,
        metric: task.metrics[0]?.name,
        images: await reportImages({ examples, count: 12 }),
      })),
    );
    const markdown = runMarkdown({ results, tasks: reported });
    await writeFileAtomically({ path: join(folder, 'results.md'), data: markdown });
    const report = join(folder, 'report.html');
    await writeFileAtomically({
      path: report,
      data: renderReport({
        title: `Evaluation of ${modelFolder}`,
        summary: `${finished.map(({ loaded: { task }, samples }) => `${task.name}: ${samples.length} samples`).join('; ')}. Method: ${opened.method}.`,
        sections: runSections({ results, tasks: reported }),
      }),
    });
    output.event(
      { event: 'results', folder, results: results.results, path, report },
      `\n${markdown}\n  results  ${path}\n  report   ${report}`,
    );
    return results;
  } finally {
    await run.close();
  }
}

/** Means and standard deviations over the seeds, on the terminal and in `seeds.json`. */
async function summarizeSeeds({
  all,
  seeds,
  folder,
  loaded,
  output,
}: {
  all: readonly EvaluationResults[];
  seeds: readonly number[];
  folder: string;
  loaded: readonly LoadedData[];
  output: Output;
}): Promise<void> {
  const summary = loaded.flatMap(({ task }) =>
    task.metrics.map(({ name }) => {
      const values = all.map((results) => results.results[task.name]?.[`${name},${task.filter ?? 'none'}`] as number);
      const { mean, deviation } = meanAndDeviation(values);
      return { task: task.name, metric: name, seeds, values, mean, deviation };
    }),
  );
  const path = join(folder, 'seeds.json');
  await writeFileAtomically({ path, data: `${JSON.stringify(summary, null, 2)}\n` });
  const lines = summary.map(
    ({ task, metric, mean, deviation }) =>
      `  ${task} ${metric}: ${(100 * mean).toFixed(1)} ± ${(100 * deviation).toFixed(1)} % over ${seeds.length} seeds`,
  );
  output.event({ event: 'seeds', summary, path }, `\n${lines.join('\n')}\n  seeds    ${path}`);
}
