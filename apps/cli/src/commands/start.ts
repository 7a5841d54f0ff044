import { readTextFile } from '@subtext/core/node';
import { generateScenes, generators, readExamples, readScenes, scenePresets } from '@subtext/data';
import { evaluateThinking, evaluateUse, type EvaluationEvent, findTask } from '@subtext/eval';
import { useEngine, type EngineName } from '@subtext/tensor';
import {
  commandName,
  createOutput,
  duration,
  engineNames,
  interruptSignal,
  type Output,
  resultsAreFiles,
  STOPPED,
  wholeNumber,
} from '@subtext/terminal';
import { defaultWorkers, writeAtomically } from '@subtext/trainer';
import { Command, Option } from 'commander';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { loadConfiguration } from '../configuration/load-configuration';
import { trainConfiguration } from '../configuration/schema';
import { packageFolder } from '../package-folder';
import { copyFolder } from '../pipeline/copy-folder';
import { drawerOf } from '../pipeline/drawer';
import { startReport, type StartResults, type StartRun } from '../pipeline/start-report';
import { startTable } from '../pipeline/start-table';
import { trainRun } from '../pipeline/train-run';
import { openStartFolder, type StartFolder } from '../pipeline/start-folder';
import { machineRecord } from '../machine-record';
import { version } from '../../package.json';
import { describeBaseline } from './data-generate';

/** The run on text; all others see pictures. */
const SUMS = 'sums';

/** The runs in their order; each starts from the one that its configuration names. */
const runs = [
  { name: 'base', label: 'Base model', heading: 'A base model learns to see: one-hop questions' },
  { name: 'text-only', label: 'Text only', heading: 'Text only: what the question alone gives away' },
  { name: 'no-cot', label: 'No chain of thought', heading: 'No chain of thought: the answer at once' },
  { name: 'cot', label: 'Chain of thought', heading: 'Chain of thought: every stage in words' },
  {
    name: 'heima-published',
    label: 'Heima as published',
    heading:
      'Heima as published: stage after stage is hidden in thinking tokens, which everything that is seen gets past',
  },
  {
    name: 'heima',
    label: 'Heima, chain',
    heading: 'Heima, chain: each stage sees what its text would be made of, and the answer sees thoughts alone',
  },
  {
    name: SUMS,
    label: 'SIM-CoT, chain (sums)',
    heading: 'Text: calculations in continuous thoughts, each supervised by the words of its step',
  },
] as const;

/** Whose thoughts are audited, on so many questions. */
const audited: readonly string[] = ['heima-published', 'heima', SUMS];
const AUDITED_QUESTIONS = 250;

/** Parameters that no model of a preset has more of. */
const PRESET_PARAMETERS = 1_000_000;

/** Calculations by split. */
const sumCounts = { train: 20_000, test: 500 };

/** The steps that a run's log tells of. */
async function lastStep(log: string): Promise<number> {
  const line = (await readTextFile({ path: log, maximumBytes: 2 ** 30 })).trimEnd().split('\n').at(-1)!;
  return (JSON.parse(line) as { step: number }).step;
}

/** Pictures by preset. The test set's size is what the table is measured on. */
const counts = {
  small: { train: 16_000, validation: 500, test: 500 },
  full: { train: 40_000, validation: 1_000, test: 1_000 },
} as const;

interface StartOptions {
  preset: keyof typeof scenePresets;
  output?: string;
  engine?: EngineName | 'auto';
  workers?: number;
  seed: number;
  overwrite: boolean;
  json: boolean;
}

export function startCommand(): Command {
  return new Command('start')
    .addOption(
      new Option('--preset <name>', 'small: minutes; full: up to an hour')
        .choices(Object.keys(scenePresets))
        .default('small'),
    )
    .option('--output <folder>', 'output folder (default: runs/start, or runs/full)')
    .addOption(
      new Option(
        '--engine <name>',
        'the engine (default: SUBTEXT_ENGINE, else the fastest available; wasm gives the same bytes on machines of the same type)',
      ).choices(engineNames),
    )
    .option('--workers <count>', 'worker threads', wholeNumber)
    .option('--seed <number>', 'seed for images and training', wholeNumber, 1)
    .option('--overwrite', 'train again even if the folder has runs that are finished or have other settings', false)
    .option('--json', 'print one JSON object per line', false)
    .action(async (options: StartOptions) => {
      const finished = await start({ ...options, signal: interruptSignal() });
      if (!finished) process.exitCode = STOPPED;
    });
}

/** The folder that a preset's files name, and that a run goes to unless told otherwise. */
const presetFolders = { small: 'runs/start', full: 'runs/full' } as const;

async function start({
  preset,
  output: folder = presetFolders[preset],
  engine: askedEngine,
  workers: asked,
  seed,
  overwrite,
  json,
  signal,
}: StartOptions & { signal: AbortSignal }): Promise<boolean> {
  resultsAreFiles();
  const output = createOutput({ json });
  const { name: engine } = await useEngine({ engine: askedEngine ?? 'auto' });
  const workers =
    asked ?? defaultWorkers({ shards: 2, processors: availableParallelism(), parameters: PRESET_PARAMETERS });
  const startFolder = await openStartFolder(folder);
  try {
    return await startIn({ preset, folder, startFolder, engine, workers, seed, overwrite, json, output, signal });
  } finally {
    await startFolder.close();
  }
}

async function startIn({
  preset,
  folder,
  startFolder,
  engine,
  workers,
  seed,
  overwrite,
  json,
  output,
  signal,
}: Omit<StartOptions, 'output' | 'engine'> & {
  engine: EngineName;
  folder: string;
  startFolder: StartFolder;
  workers: number;
  output: Output;
  signal: AbortSignal;
}): Promise<boolean> {
  const dataFolder = join(folder, 'data');
  const drawingBegan = performance.now();
  let drawn = 0;

  output.heading('Pictures and questions');
  const data = await generateScenes({
    folder: dataFolder,
    preset,
    seed,
    count: counts[preset],
    signal,
    onProgress: ({ written, total }) => {
      drawn = written;
      output.progress({ label: 'drawing pictures', done: written, total });
    },
  });
  output.endProgress();
  if (drawn > 0) await startFolder.noteData((performance.now() - drawingBegan) / 1000);
  if (data.baseline)
    output.event({ event: 'question-only', accuracy: data.baseline.accuracy }, `  ${describeBaseline(data.baseline)}`);
  const examples = await readScenes({ folder: dataFolder, split: 'test', strict: true }).toArray();
  const sums = await generators['modular-arithmetic'].write({
    folder: join(dataFolder, SUMS),
    seed,
    options: { modulus: 6, maximumSteps: 4, filled: true, repeated: true },
    counts: sumCounts,
    signal,
  });
  const { examples: calculations } = await readExamples({ format: 'coconut-json', path: sums.files.test! });

  const trained: StartRun[] = [];
  // What was done in earlier starts counts: a start that finds everything finished has not taken a few seconds.
  let secondsTotal = startFolder.dataSeconds;
  for (const { name, label, heading } of runs) {
    output.heading(heading);
    const configuration = await loadConfiguration({
      path: join(packageFolder(), 'presets', preset, `${name}.yaml`),
      replaceFolder: { from: presetFolders[preset], to: folder },
      overrides: [`seed=${seed}`, `engine=${engine}`, `workers=${workers}`],
      schema: trainConfiguration,
    });
    const run = await trainRun({ configuration, output, overwrite, signal });
    if (run.status === 'stopped') return false;
    secondsTotal += run.seconds;
    if (name === 'base') continue;
    const withoutPictures = examples.map(({ image: _image, ...example }) => example);
    const loaded =
      name === SUMS
        ? { task: findTask('gsm8k-aug'), examples: calculations }
        : { task: findTask('scenes'), examples: configuration.data.images ? examples : withoutPictures };
    const finished = join(configuration.output, 'finished.json');
    const { fingerprint } = JSON.parse(await readTextFile({ path: finished })) as { fingerprint: string };
    const evaluated = {
      method: label,
      fingerprint,
      reasoner: run.reasoner,
      loaded,
      onEvent: (told: EvaluationEvent) => void (told.event === 'progress' && output.progress(told)),
      signal,
    };
    const evaluation = await evaluateThinking({
      ...evaluated,
      path: join(configuration.output, 'evaluation.json'),
      interpreters: run.interpreters,
      drawer: drawerOf({ folder: run.reasoner }),
      workers,
    }).finally(() => output.endProgress());
    secondsTotal += evaluation.secondsTotal ?? 0;
    const { accuracy, standardError } = evaluation.summary;
    output.event(
      { event: 'evaluated', ...evaluation.summary },
      `  ${(accuracy * 100).toFixed(1)} % ± ${(standardError * 100).toFixed(1)} of ${loaded.examples.length} unseen questions right`,
    );
    const use = audited.includes(name)
      ? await evaluateUse({
          ...evaluated,
          path: join(configuration.output, 'use.json'),
          limit: AUDITED_QUESTIONS,
        }).finally(() => output.endProgress())
      : undefined;
    if (use) {
      secondsTotal += use.secondsTotal;
      for (const { stage, verdict, evidence } of use.stages)
        output.event({ event: 'audited', stage, verdict }, `  ${stage}: ${verdict}. ${evidence[0]!}`);
    }
    trained.push({
      name,
      label,
      folder: configuration.output,
      steps: await lastStep(run.log),
      evaluation,
      ...(use && { use }),
    });
  }

  const results: StartResults = {
    preset,
    seed,
    engine,
    workers,
    versions: { subtext: version, node: process.versions.node },
    machine: machineRecord(),
    command: `subtext start --preset ${preset} --seed ${seed} --engine ${engine} --workers ${workers}`,
    secondsTotal,
    questionOnlyLookup: data.baseline?.accuracy,
    methods: trained.map(({ evaluation, steps }) => ({
      ...evaluation.summary,
      steps,
      singleMilliseconds: evaluation.singleMilliseconds,
    })),
    explanations: trained.find(({ name }) => name === 'heima')!.evaluation.explanations,
    drawings: trained.find(({ name }) => name === 'heima')!.evaluation.drawings,
    audits: trained.flatMap(({ label: method, use }) =>
      use === undefined ? [] : [{ method, count: use.count, stages: use.stages, words: use.words }],
    ),
    interpreters:
      'The interpreter was trained on the finished reasoner, which stayed as it is; it sees the thoughts and nothing else.',
  };
  const resultsPath = join(folder, 'results.json');
  const reportPath = join(folder, 'report.html');
  await writeAtomically({ path: resultsPath, data: `${JSON.stringify(results, null, 2)}\n` });
  await writeAtomically({ path: reportPath, data: await startReport({ results, runs: trained, examples }) });

  // The model that people ask, where they look for it first.
  const reasoner = join(folder, 'reasoner');
  await copyFolder({ from: join(folder, 'heima', 'reasoner'), to: reasoner });
  const [first, second] = examples;
  const next =
    preset === 'small'
      ? `${commandName()} start --preset full`
      : `${commandName('subtext-eval')} audit --model ${reasoner} --task scenes --data ${dataFolder} --output ${join(folder, 'audit')}`;
  const asked = `--image ${first!.image!.path} "${first!.question}"`;
  const otherCaption = second!.steps.find(({ name }) => name === 'caption')!.text;
  const tries = [
    // In the browser: thoughts in words and drawn, exchanged with the mouse; beside it the one whose thoughts are not used.
    `${commandName()} inspect --model ${reasoner} --model ${join(folder, 'heima-published', 'reasoner')} --runs ${folder}`,
    `${commandName()} think --model ${reasoner} --explain --draw drawn.png ${asked}`,
    `${commandName()} think --model ${reasoner} --edit caption="${otherCaption}" ${asked}`,
    `${commandName()} think --model ${reasoner} --swap caption --from-image ${second!.image!.path} --from "${second!.question}" ${asked}`,
    `${commandName()} think --model ${join(folder, SUMS, 'reasoner')} --explain "${calculations[0]!.question}"`,
    next,
  ];
  output.heading(
    `Done: ${Math.round(secondsTotal)} seconds in all${secondsTotal < 60 ? '' : ` (${duration(secondsTotal)})`}`,
  );
  if (!json)
    output.notice(
      `\n${startTable(results)}\n\n  model    ${reasoner}\n  results  ${resultsPath}\n  report   ${reportPath}\n\nTry next:\n${tries.map((line) => `  ${line}`).join('\n')}`,
    );
  output.event({ event: 'finished', reasoner, results: resultsPath, report: reportPath, secondsTotal });
  return true;
}
