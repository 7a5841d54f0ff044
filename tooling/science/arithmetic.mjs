/**
 * Trains and measures every method on calculations that a small model does not do at once: accuracy against generated
 * tokens and seconds, paired tests, what the thoughts are worth, and how many of them are taken.
 *
 *   node tooling/science/arithmetic.mjs [--methods no-cot,cot,…] [--seeds 1,2,3] [--parallel 2]
 *     [--runs runs/arithmetic] [--output docs/results/arithmetic] [--collect]
 *
 * Run after the workspace is built. Runs that are finished are not repeated; `--collect` trains nothing and writes down
 * what is finished.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { findTask, loadTask } from '../../packages/eval/dist/index.js';
import { useEngine } from '../../packages/tensor/dist/index.js';
import { Reasoner } from '../../packages/reasoner/dist/index.js';
import { writeNotices } from '../results/notices.mjs';
import { drawData } from './arithmetic/draw-data.mjs';
import { writePage } from './arithmetic/write-page.mjs';
import { tuneProcess } from '../../packages/core/dist/node.js';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');
const everyMethod = [
  'no-cot',
  'cot',
  'coconut',
  'coconut-pause',
  'adaptive',
  'icot',
  'sim-cot',
  'adaptive-after-sim-cot',
  'codi',
  'heima',
  'pause',
  'coconut-no-thought',
  'coconut-no-curriculum',
];
/** Methods that go on from another's model of the same seed, which stands before them. */
const startsFrom = { 'adaptive-after-sim-cot': 'sim-cot' };
const { values: options } = parseArgs({
  options: {
    methods: { type: 'string', default: everyMethod.join(',') },
    seeds: { type: 'string', default: '1,2,3' },
    runs: { type: 'string', default: 'runs/arithmetic' },
    output: { type: 'string', default: 'docs/results/arithmetic' },
    parallel: { type: 'string', default: '2' },
    collect: { type: 'boolean', default: false },
  },
});
const methods = options.methods.split(',');
const seeds = options.seeds.split(',').map(Number);
/** Methods whose thoughts are audited. */
const audited = new Set(['coconut', 'coconut-pause', 'sim-cot']);
/** Methods whose models are asked with fewer thoughts than they have. */
const shortened = new Set(['coconut', 'sim-cot', 'adaptive', 'adaptive-after-sim-cot']);
/** Questions an audit asks, and of each round in which seconds are taken, alone and in batches. */
const asked = { audit: 300, alone: 24, batch: 192 };

const readJson = async (path) => JSON.parse(await readFile(path, 'utf8'));
const writeJson = (path, value) => writeFile(path, `${JSON.stringify(value, null, 1)}\n`);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Runs a command of the workspace and waits for it; its words go to the terminal. */
function run(program, ...words) {
  return new Promise((settle, fail) => {
    const child = spawn(process.execPath, [join(root, program), ...words], {
      stdio: ['ignore', 'inherit', 'inherit'],
      cwd: root,
    });
    child.on('error', fail);
    child.on('exit', (code) =>
      code === 0 ? settle() : fail(new Error(`${program} ${words.join(' ')} ended with ${code}`)),
    );
  });
}

async function train(method, seed) {
  const folder = join(options.runs, `${method}-${seed}`);
  if (existsSync(join(folder, 'loads.json'))) return;
  const before = loadavg()[0];
  await run(
    'apps/cli/bin/subtext.js',
    'train',
    join(here, 'arithmetic', `${method}.yaml`),
    `seed=${seed}`,
    `output=${folder}`,
    `data.train=${data.train}`,
    `data.evaluation=${data.test}`,
    ...(startsFrom[method] ? [`model.from=${join(options.runs, `${startsFrom[method]}-${seed}`, 'reasoner')}`] : []),
  );
  if (audited.has(method))
    await run(
      'apps/eval/bin/subtext-eval.js',
      'audit',
      '--model',
      join(folder, 'reasoner'),
      '--task',
      task.name,
      '--data',
      data.test,
      '--limit',
      String(asked.audit),
      '--output',
      join(folder, 'audit'),
      '--no-probes',
      '--engine',
      'wasm',
    );
  await writeJson(join(folder, 'loads.json'), [before, loadavg()[0]]);
}

/** Asks the test set. What is wrong, or cannot be read, counts as 0. */
async function ask(reasoner) {
  const answers = await reasoner.think({ questions: examples.map((example) => ({ question: task.prompt(example) })) });
  const scores = answers.map(({ answer }, index) =>
    task.score({ prediction: answer ?? null, example: examples[index] }),
  );
  const lengths = [...new Set(examples.map(({ steps }) => steps.length))].sort();
  const byLength = (of) =>
    Object.fromEntries(
      lengths.map((length) => [
        length,
        mean(answers.flatMap((answer, index) => (examples[index].steps.length === length ? [of(answer, index)] : []))),
      ]),
    );
  return {
    correct: scores.map(({ correct }) => (correct ? 1 : 0)).join(''),
    parseable: scores.filter(({ parseable }) => parseable).length,
    accuracyByLength: byLength((_, index) => (scores[index].correct ? 1 : 0)),
    thoughtsByLength: byLength(({ tokens }) => tokens.thinking),
    generatedTokens: mean(answers.map(({ tokens }) => tokens.generated)),
    withoutTags: mean(answers.map(({ tokens }) => tokens.withoutTags)),
    thoughts: mean(answers.map(({ tokens }) => tokens.thinking)),
    passes: mean(answers.map(({ passes }) => passes)),
  };
}

/** The same model with 1 … N thoughts in every question. */
async function askShortened(reasoner) {
  const { model, tokenizer, settings } = reasoner;
  const found = [];
  for (let hiddenSteps = 1; hiddenSteps <= settings.method.hiddenSteps; hiddenSteps++) {
    const { correct, accuracyByLength } = await ask(
      new Reasoner({ model, tokenizer, settings: { ...settings, method: { name: 'coconut', hiddenSteps } } }),
    );
    found.push({ thoughts: hiddenSteps, accuracy: mean([...correct].map(Number)), accuracyByLength });
  }
  return found;
}

/** The loss of what the model itself must write, as it was logged: without an interpreter's, a teacher's or a halting head's. */
async function curveOf(folder) {
  const lines = (await readFile(join(folder, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return lines
    .filter(({ loss }) => loss !== undefined)
    .map(({ step, phaseName, loss, reasonerLoss, answerLoss }) => ({
      step,
      phase: phaseName,
      loss: Number((reasonerLoss ?? answerLoss ?? loss).toFixed(4)),
    }));
}

async function measure(method, seed) {
  const folder = join(options.runs, `${method}-${seed}`);
  const measured = join(folder, 'measured.json');
  if (existsSync(measured) || !existsSync(join(folder, 'finished.json'))) return;
  const { seconds, processorSeconds, steps } = await readJson(join(folder, 'finished.json'));
  const reasoner = await Reasoner.load({ folder: join(folder, 'reasoner') });
  const asked = await ask(reasoner);
  const fewer = shortened.has(method) ? await askShortened(reasoner) : null;
  reasoner.dispose();
  await writeJson(measured, {
    method,
    seed,
    steps,
    seconds,
    processorSeconds,
    questions: examples.length,
    ...asked,
    fewer,
  });
}

/** Seconds an answer of the first seed's models, alone and in batches: the median of three rounds in which all take turns. */
async function measureSeconds() {
  const present = methods.filter((method) => existsSync(join(options.runs, `${method}-${seeds[0]}`, 'measured.json')));
  const path = join(options.runs, 'seconds.json');
  if (existsSync(path) && present.every((method) => method in JSON.parse(readFileSync(path)))) return readJson(path);
  const reasoners = await Promise.all(
    present.map((method) => Reasoner.load({ folder: join(options.runs, `${method}-${seeds[0]}`, 'reasoner') })),
  );
  const rounds = present.map(() => ({ alone: [], batched: [], aloneProcessor: [], batchedProcessor: [] }));
  const questions = examples.map((example) => ({ question: task.prompt(example) }));
  const timed = async (reasoner, count, batchSize) => {
    const began = performance.now();
    const processor = process.cpuUsage();
    await reasoner.think({ questions: questions.slice(0, count), batchSize });
    const { user, system } = process.cpuUsage(processor);
    return [(performance.now() - began) / 1000 / count, (user + system) / 1e6 / count];
  };
  for (let round = -1; round < 3; round++) {
    for (const [index, reasoner] of reasoners.entries()) {
      const [alone, aloneProcessor] = await timed(reasoner, asked.alone, 1);
      const [batched, batchedProcessor] = await timed(reasoner, asked.batch, 64);
      // The first round warms up.
      if (round >= 0)
        for (const [name, value] of Object.entries({ alone, batched, aloneProcessor, batchedProcessor }))
          rounds[index][name].push(value);
    }
  }
  for (const reasoner of reasoners) reasoner.dispose();
  const seconds = Object.fromEntries(
    present.map((method, index) => [
      method,
      Object.fromEntries(Object.entries(rounds[index]).map(([name, values]) => [name, median(values)])),
    ]),
  );
  await writeJson(path, { ...seconds, load: loadavg()[0] });
  return readJson(path);
}

const task = findTask('gsm8k-aug');
tuneProcess();
await useEngine({ engine: 'wasm' });
await mkdir(options.runs, { recursive: true });
const data = await drawData({ folder: join(options.runs, 'data') });
const { examples } = await loadTask({ task, path: data.test });

if (!options.collect) {
  const waiting = methods.flatMap((method) => seeds.map((seed) => [method, seed]));
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await train(...next);
      await measure(...next);
    }
  };
  await Promise.all(Array.from({ length: Number(options.parallel) }, worker));
}
const found = [];
for (const method of methods) {
  for (const seed of seeds) {
    const folder = join(options.runs, `${method}-${seed}`);
    if (!existsSync(join(folder, 'measured.json'))) continue;
    const audit = existsSync(join(folder, 'audit/audit.json'))
      ? (await readJson(join(folder, 'audit/audit.json'))).thoughts
      : null;
    found.push({
      ...(await readJson(join(folder, 'measured.json'))),
      curve: await curveOf(folder),
      loads: existsSync(join(folder, 'loads.json')) ? await readJson(join(folder, 'loads.json')) : null,
      audit,
    });
  }
}
if (found.length === 0) throw new Error(`${options.runs} has no finished run yet.`);
const seconds = await measureSeconds();
const pages = await writePage({
  found,
  methods,
  seeds,
  seconds,
  data,
  output: options.output,
  configurations: join(here, 'arithmetic'),
  asked,
});
if (resolve(options.output) === join(root, 'docs/results/arithmetic')) writeNotices(root);
console.log(`${pages.join(', ')}: ${found.length} runs.`);
