import { writeFileAtomically } from '@subtext/core/node';
import {
  chooseFilters,
  collectShards,
  evaluateModel,
  evaluateShard,
  findUnknownWords,
  hashFolder,
  isDrawn,
  type ModelEvaluation,
  openAiCompatibleJudge,
  type OpenedModel,
  openModel,
  parseShard,
  parseThoughtSampling,
  type Questions,
  requireJudge,
  type Shard,
  summarizeSeeds,
} from '@subtext/eval';
import { loadDirection, type ThoughtSampling } from '@subtext/reasoner';
import { useEngine, type EngineName, type WeightDtype } from '@subtext/tensor';
import {
  createOutput,
  dtypeOption,
  engineFor,
  engineOption,
  findModel,
  interruptSignal,
  nonNegativeNumber,
  number,
  type Output,
  positiveWholeNumber,
  repeated,
  silentOutput,
  UsageError,
  wholeNumberList,
  wordList,
} from '@subtext/terminal';
import { Command } from 'commander';
import { join } from 'node:path';

import { amongRanks, type Ranks } from '../among-ranks';
import { dataOptions, loadTasks, type AskedData } from '../load-tasks';
import { madeWith } from '../made-with';
import { showEvents } from '../show-events';

interface RunOptions extends AskedData {
  model: string;
  output: string;
  batch: number;
  seeds: number[];
  temperature: number;
  drawThoughts?: ThoughtSampling;
  maxTokens?: number;
  recurrences?: number;
  haltFrom?: number;
  factor?: number;
  steer?: string;
  strength?: number;
  stage?: string;
  filters?: string[];
  judgeUrl?: string;
  judgeModel?: string;
  dtype: WeightDtype;
  engine: EngineName | 'auto';
  json: boolean;
  shard?: Shard;
}

export function runCommand(): Command {
  return answeringCommand({ name: 'run' }).option(
    '--shard <number/of>',
    'evaluate only one part of the questions, such as 3/8; combine parts with subtext-eval merge',
    parseShard,
  );
}

/** What puts the parts of a run together takes the same options: by them the parts are known to be of one run. */
export function mergeCommand(): Command {
  return answeringCommand({ name: 'merge' });
}

function answeringCommand({ name }: { name: 'run' | 'merge' }): Command {
  return dataOptions(new Command(name))
    .requiredOption('--model <folder>', 'a reasoner or Hugging Face model: a folder or Hub id')
    .option('--task <names>', 'comma-separated tasks (subtext-eval list shows them)', wordList)
    .requiredOption('--output <folder>', 'output folder; the same command resumes an interrupted run')
    .option('--data <path>', "the task's data; for several tasks NAME=PATH, repeated", repeated)
    .option('--limit <count>', 'use only the first examples of each task', positiveWholeNumber)
    .option('--batch <count>', 'batch size', positiveWholeNumber, 32)
    .option('--temperature <number>', 'sampling temperature; 0 is greedy', nonNegativeNumber, 0)
    .option(
      '--seeds <numbers>',
      'comma-separated sampling seeds: one run each, and their mean ± sd',
      wholeNumberList,
      [0],
    )
    .option(
      '--draw-thoughts <how>',
      "sample continuous thoughts too: tokens=3, the mean of three sampled tokens' embeddings (cot2); deviation=0.1, the state with noise; latent-head=1, from the latent head's distribution (colar)",
      parseThoughtSampling,
    )
    .option('--max-tokens <count>', 'maximum response length in tokens', positiveWholeNumber)
    .option(
      '--recurrences <count>',
      'number of recurrences of a recurrent reasoner (default: as trained)',
      positiveWholeNumber,
    )
    .option(
      '--halt-from <probability>',
      'stop a recurrent reasoner once its estimated probability of being correct reaches this',
      number,
    )
    .option(
      '--factor <tokens>',
      'compression factor of a colar reasoner, in tokens of the chain per thought: one of those trained',
      positiveWholeNumber,
    )
    .option('--steer <file>', 'a steering direction to add to the thoughts (made by subtext-eval direction)')
    .option('--strength <number>', 'scale of the direction; negative reverses it (default: 1)', number)
    .option('--stage <name>', 'the stage to steer (default: the one the direction was made from)')
    .option(
      '--filters <names>',
      "comma-separated answer filters to report in addition to the tasks' own rule (default: all)",
      wordList,
    )
    .option(
      '--judge-url <address>',
      'an OpenAI-compatible endpoint for tasks scored by a judge; API key in SUBTEXT_JUDGE_KEY',
    )
    .option('--judge-model <name>', 'the judge model')
    .addOption(dtypeOption())
    .addOption(engineOption())
    .option('--json', 'print one JSON object per line', false)
    .action((options: RunOptions) => amongRanks((ranks) => answer({ options, ranks, mergeOnly: name === 'merge' })));
}

async function answer({
  options,
  ranks,
  mergeOnly,
}: {
  options: RunOptions;
  ranks: Ranks;
  mergeOnly: boolean;
}): Promise<void> {
  const output = ranks.rank === 0 ? createOutput({ json: options.json }) : silentOutput;
  if (ranks.size > 1 && (options.shard || mergeOnly))
    throw new UsageError(
      'Under a launcher the processes distribute the questions themselves: leave out --shard and merge.',
    );
  const { seeds, temperature, judgeUrl, judgeModel } = options;
  const { drawThoughts: thoughts } = options;
  if (seeds.length > 1 && !isDrawn({ temperature, thoughts }))
    throw new UsageError(
      'Several seeds give the same run without sampling; add --temperature, such as --temperature 0.7, or --draw-thoughts.',
    );
  if (options.steer === undefined && (options.strength !== undefined || options.stage !== undefined))
    throw new UsageError('--strength and --stage say how a direction is added; give one with --steer.');
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
  const loaded =
    options.filters === undefined ? everything : chooseFilters({ loaded: everything, names: options.filters });
  for (const { task } of loaded) if (task.judge) requireJudge({ task, judge });
  const { steer, strength, stage } = options;
  const steering =
    steer === undefined ? undefined : { direction: await loadDirection({ path: steer }), strength, stage };
  const folder = await findModel({ model: options.model, signal });
  await useEngine({ engine: engineFor(options) });
  const model = await openModel({ folder, loaded, dtype: options.dtype });
  try {
    for (const one of model.loaded) warnOfUnknownWords({ loaded: one, model, output });
    const modelHash = await hashFolder(folder);
    const runs: ModelEvaluation[] = [];
    for (const seed of seeds) {
      if (seeds.length > 1) output.heading(`Seed ${seed}`);
      const of = seeds.length > 1 ? join(options.output, `seed-${seed}`) : options.output;
      const { model: modelName, maxTokens: maximumTokens } = options;
      const asked = {
        ...options,
        model,
        modelName,
        modelHash,
        folder: of,
        seed,
        thoughts,
        maximumTokens,
        steering,
        judge,
        signal,
      };
      const told = { ...asked, ...(await madeWith()), onEvent: showEvents(output) };
      if (options.shard) {
        const { samples, folder: part } = await evaluateShard({ ...told, shard: options.shard });
        output.event(
          { event: 'shard', ...options.shard, samples, folder: part },
          `\n  shard ${options.shard.number} of ${options.shard.of}: ${samples} samples in ${part}`,
        );
        continue;
      }
      if (ranks.size > 1) {
        // What an earlier start has answered is dealt to nobody, with however many ranks that was.
        if (ranks.rank === 0) await collectShards(told);
        await ranks.meet();
        await evaluateShard({ ...told, shard: { number: ranks.rank + 1, of: ranks.size } });
        await ranks.meet();
        if (ranks.rank > 0) continue;
      }
      const run = await evaluateModel({ ...told, mergeOnly: mergeOnly || ranks.size > 1 });
      const { results, path, report, markdown } = run;
      output.event(
        { event: 'results', folder: of, results: results.results, path, report },
        `\n${markdown}\n  results  ${path}\n  report   ${report}`,
      );
      runs.push(run);
    }
    if (seeds.length > 1 && runs.length > 0) await writeSeeds({ runs, seeds, folder: options.output, loaded, output });
  } finally {
    output.endProgress();
    model.dispose();
  }
}

/** Words that a message names. */
const NAMED = 10;

function warnOfUnknownWords({
  loaded,
  model,
  output,
}: {
  loaded: Questions;
  model: OpenedModel<Questions>;
  output: Output;
}): void {
  const { questions, words } = findUnknownWords({ loaded, model });
  if (questions === 0) return;
  const { task, examples } = loaded;
  output.event(
    { event: 'unknown-words', task: task.name, questions, of: examples.length, words },
    `  Warning: ${questions} of ${examples.length} questions of ${task.name} have words that the model does not know: ${words.slice(0, NAMED).join(', ')}${words.length > NAMED ? ', …' : ''}.`,
  );
}

/** Means and standard deviations over the seeds, on the terminal and in `seeds.json`. */
async function writeSeeds({
  runs,
  seeds,
  folder,
  loaded,
  output,
}: {
  runs: readonly ModelEvaluation[];
  seeds: readonly number[];
  folder: string;
  loaded: readonly Questions[];
  output: Output;
}): Promise<void> {
  const summary = summarizeSeeds({
    runs: runs.map(({ results }) => results),
    seeds,
    tasks: loaded.map(({ task }) => task),
  });
  const path = join(folder, 'seeds.json');
  await writeFileAtomically({ path, data: `${JSON.stringify(summary, null, 2)}\n` });
  const lines = summary.map(
    ({ task, metric, mean, deviation }) =>
      `  ${task} ${metric}: ${(100 * mean).toFixed(1)} ± ${(100 * deviation).toFixed(1)} % over ${seeds.length} seeds`,
  );
  output.event({ event: 'seeds', summary, path }, `\n${lines.join('\n')}\n  seeds    ${path}`);
}
