import { commandName, createOutput, positiveWholeNumber, repeated, textTable, UsageError } from '@subtext/terminal';
import { differingKeys, findRuns, firstDifference, readRun, type TrainingRun } from '@subtext/trainer/runs';
import { Command } from 'commander';
import { resolve } from 'node:path';

import { linePlot, plotMarks } from '../training-runs/line-plot';
import { measuresIn, runTable } from '../training-runs/run-table';

/** Where runs are looked for unless folders are named. */
const defaultFolder = 'runs';

interface Found {
  runs: TrainingRun[];
  /** Folders that were named and hold no run, with the reason. */
  foreign: { folder: string; reason: string }[];
}

async function readFolders(folders: readonly string[]): Promise<Found> {
  const found: Found = { runs: [], foreign: [] };
  for (const folder of folders.length > 0 ? folders : [defaultFolder]) {
    try {
      const inside = await findRuns(folder);
      if (inside.length === 0)
        found.foreign.push({
          folder,
          reason: 'holds no run: no configuration.json or log.jsonl, up to three folders deep',
        });
      for (const one of inside)
        if (!found.runs.some((run) => resolve(run.folder) === resolve(one))) found.runs.push(await readRun(one));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      found.foreign.push({
        folder,
        reason:
          code === 'ENOENT' ? 'does not exist' : code === 'ENOTDIR' ? 'is no folder' : `cannot be read: ${message}`,
      });
    }
  }
  return found;
}

/** The runs of folders that are all to be runs, or an error that names what is none. */
async function requireRuns({ folders, least }: { folders: readonly string[]; least: number }): Promise<TrainingRun[]> {
  const { runs, foreign } = await readFolders(folders);
  if (foreign.length > 0) throw new UsageError(foreign.map(({ folder, reason }) => `${folder} ${reason}.`).join(' '));
  if (runs.length < least)
    throw new UsageError(
      `${least === 2 ? 'A comparison needs two or more runs' : 'A run is needed'}; found ${runs.length === 0 ? 'none' : runs.map(({ folder }) => folder).join(', ')}.`,
    );
  return runs;
}

/** A run without its log, for machines. */
function summary({ curves: _curves, configuration: _configuration, ...run }: TrainingRun): Record<string, unknown> {
  return run;
}

function listCommand(): Command {
  return new Command('list')
    .description(`list runs: state, method, phase, step, losses, time (default: those in ${defaultFolder}/)`)
    .argument('[folders...]', 'runs, or folders that contain runs')
    .option('--json', 'print one JSON object per run', false)
    .action(async (folders: string[], { json }: { json: boolean }) => {
      const output = createOutput({ json });
      const { runs, foreign } = await readFolders(folders);
      if (runs.length === 0)
        throw new UsageError(
          `${foreign.map(({ folder, reason }) => `${folder} ${reason}.`).join(' ')} "${commandName()} train CONFIG.yaml" creates one.`,
        );
      for (const run of runs) output.event({ event: 'run', ...summary(run) });
      if (!json) output.notice(textTable(runTable({ runs })));
      for (const { folder, problems } of runs)
        for (const problem of problems) if (!json) output.notice(`${folder}: ${problem}`);
      for (const { folder, reason } of foreign)
        output.event({ event: 'no-run', folder, reason }, `${folder} ${reason}`);
      if (foreign.length > 0) process.exitCode = 1;
    });
}

interface PlotOptions {
  measure?: string[];
  log: boolean;
  width?: number;
  output?: string;
  json: boolean;
}

const defaultMeasures = ['loss', 'interpreterLoss', 'validationLoss'];

function chosenMeasures({ runs, measure }: { runs: readonly TrainingRun[]; measure?: readonly string[] }): string[] {
  const known = measuresIn(runs);
  const unknown = (measure ?? []).filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new UsageError(
      `No run has the metric "${unknown.join('", "')}". They have: ${known.join(', ') || 'none yet'}.`,
    );
  return [...(measure ?? defaultMeasures.filter((name) => known.includes(name)))];
}

/** Columns that the axis of a plot takes at most. */
const AXIS = 12;

function plot({
  runs,
  measure,
  logarithmic,
  width = Math.max(30, Math.min(100, process.stdout.columns ?? 80) - AXIS),
}: {
  runs: readonly TrainingRun[];
  measure: string;
  logarithmic: boolean;
  width?: number;
}): string {
  const drawing = linePlot({
    lines: runs.map((run) => ({ name: run.folder, points: run.curves.curve(measure) })),
    width,
    logarithmic,
  });
  return drawing === ''
    ? `${measure}: no value that can be drawn`
    : `${measure}, by step${logarithmic ? ', logarithmic' : ''}\n${drawing}`;
}

async function writePage({
  path,
  runs,
  measures,
}: {
  path: string;
  runs: readonly TrainingRun[];
  measures: readonly string[];
}): Promise<void> {
  const [{ runsPage }, { writeAtomically }] = await Promise.all([
    import('../training-runs/runs-page'),
    import('@subtext/trainer'),
  ]);
  await writeAtomically({ path, data: runsPage({ runs, measures: [...new Set([...measures, ...measuresIn(runs)])] }) });
}

function plotCommand(): Command {
  return new Command('plot')
    .description('plot curves of runs in the terminal, or all metrics on an HTML page')
    .argument('[folders...]', `runs, or folders that contain runs (default: ${defaultFolder}/)`)
    .option('--measure <name>', 'metric to plot, such as gradientNorm; may be repeated (default: the losses)', repeated)
    .option('--log', 'logarithmic axis', false)
    .option('--width <columns>', 'plot width (default: that of the terminal)', positiveWholeNumber)
    .option('--output <file>', 'write an HTML page with every metric')
    .option('--json', 'print the points of each curve, one JSON object per curve', false)
    .action(async (folders: string[], { measure, log, width, output: path, json }: PlotOptions) => {
      const output = createOutput({ json });
      const runs = await requireRuns({ folders, least: 1 });
      if (runs.length > plotMarks.length && !json)
        output.notice(`${runs.length} runs share ${plotMarks.length} marks: name fewer to tell them apart.`);
      const measures = chosenMeasures({ runs, measure });
      if (measures.length === 0)
        throw new UsageError(`Nothing is logged yet in ${runs.map(({ folder }) => folder).join(', ')}.`);
      for (const name of measures) {
        if (json)
          for (const run of runs)
            output.event({
              event: 'curve',
              run: run.folder,
              measure: name,
              points: run.curves.curve(name).map(({ x, y }) => [x, y]),
            });
        else output.notice(`${plot({ runs, measure: name, logarithmic: log, width })}\n`);
      }
      if (path === undefined) return;
      await writePage({ path, runs, measures });
      output.event({ event: 'written', path }, `Wrote ${path}`);
    });
}

function compareCommand(): Command {
  return new Command('compare')
    .description('compare runs: results, configuration differences, where their logs diverge, curves')
    .argument('<folders...>', 'two or more runs')
    .option('--measure <name>', 'metric to plot; may be repeated (default: the losses)', repeated)
    .option('--log', 'logarithmic axis', false)
    .option('--output <file>', 'write an HTML page')
    .option('--json', 'print one JSON object', false)
    .action(async (folders: string[], { measure, log, output: path, json }: PlotOptions) => {
      const output = createOutput({ json });
      const runs = await requireRuns({ folders, least: 2 });
      const measures = chosenMeasures({ runs, measure });
      const differing = differingKeys(runs);
      const [first, ...others] = runs as [TrainingRun, ...TrainingRun[]];
      const logs: { run: string; with: string; difference: { step: number; measures: string[] } | null }[] = [];
      for (const run of others)
        logs.push({
          run: run.folder,
          with: first.folder,
          difference: (await firstDifference([first, run])) ?? null,
        });
      output.event({ event: 'comparison', runs: runs.map(summary), differing, logs });
      if (!json) {
        output.notice(textTable(runTable({ runs })));
        for (const { folder, problems } of runs) for (const problem of problems) output.notice(`${folder}: ${problem}`);
        output.notice(
          differing.length === 0
            ? '\nThe configurations are the same.'
            : `\n${textTable({ header: ['key', ...runs.map(({ folder }) => folder)], rows: differing.map(({ key, values }) => [key, ...values.map((value) => value ?? '–')]) })}`,
        );
        for (const { run, with: other, difference } of logs)
          output.notice(
            difference === null
              ? `\nThe logs of ${other} and ${run} say the same, as far as both go.`
              : `\nThe logs of ${other} and ${run} part at step ${difference.step} (${difference.measures.join(', ')}).`,
          );
        for (const name of measures) output.notice(`\n${plot({ runs, measure: name, logarithmic: log })}`);
      }
      if (path === undefined) return;
      await writePage({ path, runs, measures });
      output.event({ event: 'written', path }, `\nWrote ${path}`);
    });
}

export function runsCommand(): Command {
  return new Command('runs')
    .addCommand(listCommand(), { isDefault: true })
    .addCommand(compareCommand())
    .addCommand(plotCommand());
}
