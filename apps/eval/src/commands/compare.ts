import {
  compareMethods,
  compareRuns,
  comparisonMarkdown,
  comparisonSections,
  evaluationRegistries,
  evaluationTasks,
  fileNamePart,
  methodMarkdown,
  methodSections,
  readJudgedSamples,
  readResults,
  readSamples,
  renderReport,
  type ComparedRun,
  type ReportSection,
  type SampleRecord,
} from '@subtext/eval';
import { createOutput, includeOption, UsageError } from '@subtext/terminal';
import { includeModules, writeFileAtomically } from '@subtext/core/node';
import { Command } from 'commander';
import { mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

interface CompareOptions {
  against?: string[];
  metric?: string;
  onlyShared: boolean;
  output?: string;
  include: string[];
  json: boolean;
}

/** A run's folder, read. */
interface ReadRun {
  name: string;
  /** By task. */
  samples: Map<string, ComparedRun['samples']>;
}

export function compareCommand(): Command {
  return new Command('compare')
    .argument('<run...>', 'two or more output folders of `subtext-eval run`')
    .option(
      '--against <run...>',
      'the runs of another method: tests whether the methods differ, from models trained with several seeds each, paired in their order',
    )
    .option('--metric <name>', 'the metric to compare (default: the first)')
    .option('--only-shared', 'if the runs have different samples, compare those in common', false)
    .option('--output <folder>', 'write comparison.html, comparison.md and comparison.json')
    .addOption(includeOption())
    .option('--json', 'print one JSON object per line', false)
    .action(
      async (folders: string[], { against, metric, onlyShared, output: folder, include, json }: CompareOptions) => {
        const output = createOutput({ json });
        await includeModules({ paths: include, registries: evaluationRegistries });
        if (folders.length < 2)
          throw new UsageError(
            against === undefined
              ? 'A comparison needs two or more runs: subtext-eval compare RUN RUN.'
              : 'A comparison of methods needs runs with two or more seeds of each: subtext-eval compare RUN RUN --against RUN RUN.',
          );
        if (against !== undefined && onlyShared)
          throw new UsageError('--only-shared is for runs; methods are compared on the same samples of every run.');
        const all = [...folders, ...(against ?? [])];
        const paths = all.map((one) => resolve(one));
        const twice = paths.find((path, index) => paths.indexOf(path) < index);
        if (twice !== undefined) throw new UsageError(`${twice} is given twice; a run cannot be compared with itself.`);
        const runs = await Promise.all(all.map(readRun));
        const tasks = [...runs[0]!.samples.keys()].filter((task) => runs.every(({ samples }) => samples.has(task)));
        if (tasks.length === 0)
          throw new UsageError(
            `The runs have no task in common: ${runs.map(({ name, samples }) => `${name} has ${[...samples.keys()].join(', ')}`).join('; ')}.`,
          );
        const results = tasks.map((task) => {
          const compared = runs.map(({ name, samples }) => ({ name, samples: samples.get(task)! }));
          const score = metric ?? compared[0]!.samples[0]?.metrics[0];
          if (score === undefined)
            throw new UsageError(`The samples of ${task} in ${compared[0]!.name} have no score to compare.`);
          if (against !== undefined) {
            const [left, right] = [compared.slice(0, folders.length), compared.slice(folders.length)];
            const result = compareMethods({ left, right, metric: score });
            return { task, result, markdown: methodMarkdown(result), sections: methodSections(result) };
          }
          const result = compareRuns({ runs: compared, metric: score, onlyShared });
          return { task, result, markdown: comparisonMarkdown(result), sections: comparisonSections(result) };
        });
        const markdown = results.map((one) => `## ${one.task}\n\n${one.markdown}`).join('\n');
        for (const { task, result } of results) output.event({ event: 'comparison', task, ...result });
        if (!json) output.notice(markdown);
        if (folder === undefined) return;
        await mkdir(folder, { recursive: true });
        const sections = results.flatMap(({ task, sections: own }): ReportSection[] =>
          own.map((section) => (tasks.length > 1 ? { ...section, title: `${section.title} (${task})` } : section)),
        );
        const report = join(folder, 'comparison.html');
        await writeFileAtomically({
          path: report,
          data: renderReport({
            title: `Comparison of ${runs.map(({ name }) => name).join(', ')}`,
            summary: `${tasks.join(', ')}: the same samples in every run.`,
            sections,
          }),
        });
        await writeFileAtomically({ path: join(folder, 'comparison.md'), data: markdown });
        await writeFileAtomically({
          path: join(folder, 'comparison.json'),
          data: `${JSON.stringify(
            results.map(({ task, result }) => ({ task, result })),
            null,
            2,
          )}\n`,
        });
        output.event({ event: 'written', report }, `  report  ${report}`);
      },
    );
}

async function readRun(folder: string): Promise<ReadRun> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `${folder} is not a run's folder: ${error.code === 'ENOENT' ? 'it does not exist' : error.message}. Give an output folder of "subtext-eval run".`,
    );
  });
  const last = names
    .filter((name) => /^results_.*\.json$/.test(name))
    .sort()
    .at(-1);
  if (last === undefined)
    throw new UsageError(
      `${folder} contains no results_<date>.json: the run is not finished, or it is not a run folder. Run the same "subtext-eval run" again to resume it.`,
    );
  const results = await readResults({ path: join(folder, last) });
  const date = last.slice('results_'.length, -'.json'.length);
  const samples = new Map<string, ComparedRun['samples']>();
  for (const task of Object.keys(results.results)) samples.set(task, await readTask({ folder, task, date }));
  return { name: folder.replace(/[/\\]+$/, ''), samples };
}

/** A task's samples; those of a judged task with the scores of its judgements. */
async function readTask({
  folder,
  task,
  date,
}: {
  folder: string;
  task: string;
  date: string;
}): Promise<SampleRecord[]> {
  const name = fileNamePart(task);
  const samples = await readSamples({ path: join(folder, `samples_${name}_${date}.jsonl`) });
  const judge = evaluationTasks.find((one) => one.name === task)?.judge;
  return judge === undefined
    ? samples
    : await readJudgedSamples({
        samples,
        path: join(folder, `judgements_${name}_${date}.jsonl`),
        metrics: judge.metrics,
      });
}
