/**
 * The path that a user of a public checkpoint takes first: a folder, a method, full training or an adapter; then an answer
 * with its thoughts in words, an evaluation, an audit, and the saved folders in transformers and PEFT.
 *
 *   node tooling/science/first-path.mjs [--folder CHECKPOINT …] [--python python3] [--runs runs/first-path]
 *     [--output docs/results/first-path] [--parallel 2]
 *
 * Five published checkpoints in miniature (their keys, random weights) take a few steps; each folder that is given learns
 * to name the largest of three digits in two steps. Run after the workspace is built. Runs that are finished are not repeated. With `--python`, a Python that
 * has transformers and PEFT, the saved folders are loaded there too.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { useEngine } from '../../packages/tensor/dist/index.js';
import { drawDigits } from './first-path/draw-digits.mjs';
import { miniatures, writeMiniature } from './first-path/miniatures.mjs';
import { writePage } from './first-path/write-page.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const { values: options } = parseArgs({
  options: {
    folder: { type: 'string', multiple: true, default: [] },
    python: { type: 'string' },
    runs: { type: 'string', default: 'runs/first-path' },
    output: { type: 'string', default: 'docs/results/first-path' },
    parallel: { type: 'string', default: '2' },
  },
});
const runs = resolve(options.runs);
/** Questions of each set; none stands in both. */
const asked = { training: 300, held: 240 };

/** Each method, and how long each kind of its phases is trained where there is something to learn: Coconut's kind has more phases. */
const methods = {
  heima: { specification: { name: 'heima', thinkingTokens: 1 }, steps: { text: 160, encode: 100, recover: 60 } },
  coconut: { specification: { name: 'coconut', hiddenSteps: 2 }, steps: { text: 80, encode: 60, recover: 30 } },
  'sim-cot': { specification: { name: 'sim-cot', hiddenSteps: 2 }, steps: { text: 80, encode: 60, recover: 30 } },
  codi: { specification: { name: 'codi', count: 2 }, steps: { text: 80, encode: 230, recover: 30 } },
  adaptive: { specification: { name: 'adaptive', hiddenSteps: 2 }, steps: { text: 80, encode: 60, recover: 30 } },
};
const adapter = (tokens) => ({ rank: 16, alpha: 32, tokens });
/** Adapters move less at a learning rate than whole weights do. */
const tunings = {
  full: { learningRate: 0.002 },
  'LoRA, rows': { learningRate: 0.004, lora: adapter('rows') },
  LoRA: { learningRate: 0.004, lora: adapter('none') },
};

const readJson = async (path) => JSON.parse(await readFile(path, 'utf8'));
const writeJson = (path, value) => writeFile(path, `${JSON.stringify(value, null, 1)}\n`);
const slug = (text) => text.toLowerCase().replaceAll(/[^a-z0-9.]+/g, '-');

/** Tells the most memory that its process held, at its end. */
const reportMemory = `data:text/javascript,${encodeURIComponent("import { writeSync } from 'node:fs'; process.on('exit', () => writeSync(2, '\\npeak ' + process.resourceUsage().maxRSS + '\\n'));")}`;

/** Runs a program and waits for it. */
function run(program, words, { node = true } = {}) {
  return new Promise((settle, fail) => {
    const child = spawn(
      node ? process.execPath : program,
      node ? ['--import', reportMemory, join(root, program), ...words] : words,
      { stdio: ['ignore', 'pipe', 'pipe'], cwd: root, env: { ...process.env, HF_HUB_OFFLINE: '1', NO_COLOR: '1' } },
    );
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', fail);
    child.on('exit', (code) =>
      settle({
        code,
        stdout,
        stderr: stderr.replace(/\npeak \d+\n/g, ''),
        peak: Number(/\npeak (\d+)\n/.exec(stderr)?.[1]) / 1024,
      }),
    );
  });
}

async function subtext(program, ...words) {
  const result = await run(`apps/${program === 'subtext' ? 'cli' : 'eval'}/bin/${program}.js`, words);
  if (result.code !== 0)
    throw new Error(`${program} ${words.join(' ')} ended with ${result.code}: ${result.stderr.trim()}`);
  return result;
}

/** A row of the table: trains, asks, evaluates. What fails is a row too. */
async function row({ folder, name, learns, method, tuning, data }) {
  const output = join(runs, `${slug(name)}-${method}-${slug(tuning)}`);
  const path = join(output, 'row.json');
  if (existsSync(path)) return readJson(path);
  await mkdir(output, { recursive: true });
  const { learningRate, lora } = tunings[tuning];
  const steps = Object.fromEntries(
    Object.entries(methods[method].steps).map(([kind, count]) => [kind, { steps: learns ? count : 2 }]),
  );
  // SIM-CoT brings its own. Heima's come after the reasoner, which they leave as it is.
  const interpreters =
    method === 'heima'
      ? {
          interpreters: {
            mode: 'after',
            model: { from: 'reasoner', ...(lora && { lora: adapter('rows') }) },
            schedule: { steps: learns ? 60 : 2 },
          },
        }
      : {};
  const configuration = join(output, 'first-path.yaml');
  await writeJson(configuration, {
    output,
    engine: 'wasm',
    workers: 0,
    reasoningFormat: 'lines',
    data: { format: 'coconut-json', train: data.train, evaluation: data.test },
    model: { from: folder, ...(lora && { lora }) },
    method: methods[method].specification,
    training: { batchSize: learns ? 16 : 4, learningRate, warmupSteps: 20, shards: 1, ...steps },
    ...interpreters,
  });
  const explains = method === 'heima' || method === 'sim-cot';
  const reasoner = join(output, 'reasoner');
  const found = { folder: name, learns, method, tuning };
  try {
    const { peak } = await subtext('subtext', 'train', configuration, '--json');
    const { seconds } = await readJson(join(output, 'finished.json'));
    const lines = (await readFile(join(output, 'log.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ loss }) => loss !== undefined);
    const { answerLoss, reasonerLoss, loss } = lines.at(-1);
    Object.assign(found, {
      loss: Number((reasonerLoss ?? answerLoss ?? loss).toFixed(4)),
      seconds: Math.round(seconds * 10) / 10,
      peakMegabytes: Math.round(peak),
    });
    if (learns || explains) {
      const answered = await subtext(
        'subtext',
        'think',
        '--model',
        reasoner,
        '3 7 5',
        '--engine',
        'wasm',
        '--json',
        ...(explains ? ['--explain'] : []),
      );
      const answer = JSON.parse(answered.stdout.trim().split('\n').at(-1));
      found.thoughts = answer.thoughts.length;
      if (explains) found.explained = Object.keys(answer.explanations ?? {}).length;
    }
    // Miniatures know nothing: that one of each folder is asked and scored is enough.
    if (learns || (method === 'heima' && tuning === 'LoRA, rows')) {
      const evaluated = await subtext(
        'subtext-eval',
        'run',
        '--model',
        reasoner,
        '--format',
        'coconut-json',
        '--score',
        'exact',
        '--data',
        data.test,
        '--output',
        join(output, 'evaluation'),
        '--engine',
        'wasm',
        '--json',
        ...(learns ? [] : ['--limit', '4']),
      );
      const { results } = evaluated.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .find(({ event }) => event === 'results');
      const [scores] = Object.values(results);
      const accuracy =
        scores['exact_match,none'] ?? Object.entries(scores).find(([key]) => key.startsWith('exact_match,'))[1];
      if (learns) found.accuracy = accuracy;
      found.evaluated = true;
    }
    if (learns && (method === 'heima' || method === 'coconut') && tuning !== 'LoRA') {
      await subtext(
        'subtext-eval',
        'audit',
        '--model',
        reasoner,
        '--format',
        'coconut-json',
        '--score',
        'exact',
        '--data',
        data.test,
        '--limit',
        '60',
        '--output',
        join(output, 'audit'),
        '--no-probes',
        '--engine',
        'wasm',
      );
      found.audit = (await readJson(join(output, 'audit', 'audit.json'))).thoughts ?? null;
    }
  } catch (error) {
    found.fault = error.message.slice(0, 600);
  }
  for (const part of await readdir(output)) if (part === 'initial') await rm(join(output, part), { recursive: true });
  await writeJson(path, found);
  console.log(JSON.stringify({ ...found, audit: found.audit && '…' }));
  return found;
}

await useEngine('wasm');
await mkdir(runs, { recursive: true });
const data = { train: join(runs, 'data', 'train.json'), test: join(runs, 'data', 'test.json') };
await drawDigits({ ...asked, ...data });
const folders = options.folder.map((folder) => ({ name: basename(folder), folder: resolve(folder), learns: true }));
for (const name of Object.keys(miniatures)) {
  const folder = join(runs, 'miniatures', name);
  if (!existsSync(join(folder, 'tokenizer_config.json'))) await writeMiniature({ name, folder });
  folders.push({ name, folder, learns: false });
}
const waiting = folders.flatMap((folder) =>
  Object.keys(methods).flatMap((method) => Object.keys(tunings).map((tuning) => ({ ...folder, method, tuning, data }))),
);
const order = [...waiting];
const found = new Map();
const began = performance.now();
const load = loadavg()[0];
await Promise.all(
  Array.from({ length: Number(options.parallel) }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      found.set(next.folder + next.method + next.tuning, await row(next));
  }),
);
const rows = order.map(({ folder, method, tuning }) => found.get(folder + method + tuning));
let inPython = null;
if (options.python) {
  const adapters = rows
    .filter(({ tuning, fault }) => tuning !== 'full' && !fault)
    .map(({ folder, method, tuning }) => join(runs, `${slug(folder)}-${method}-${slug(tuning)}`, 'reasoner'));
  const { code, stdout, stderr } = await run(
    options.python,
    [join(root, 'tooling/parity/check_adapters.py'), ...adapters],
    { node: false },
  );
  const lines = stdout.split('\n').filter((line) => /^(ok|BAD)/.test(line));
  if (lines.length === 0) throw new Error(`${options.python}: ${stderr.slice(-2000)}`);
  inPython = {
    code,
    checks: lines.length,
    bad: lines.filter((line) => line.startsWith('BAD')).map((line) => line.replaceAll(runs, 'RUNS')),
    largestDifference: Math.max(...lines.map((line) => Number(/largest difference (\S+),/.exec(line)[1]))),
  };
  if (code !== 0 && inPython.bad.length === 0) inPython.fault = stderr.trim().split('\n').at(-1);
}
const test = await readJson(data.test);
const counts = [...new Set(test.map(({ answer }) => answer))].map(
  (value) => test.filter(({ answer }) => answer === value).length,
);
const result = {
  data: {
    question: 'the largest of three digits',
    ...asked,
    commonestAnswer: Math.max(...counts) / test.length,
    example: test[0],
  },
  rows,
  transformersAndPeft: inPython,
  minutes: Math.round((performance.now() - began) / 6000) / 10,
  processes: Number(options.parallel),
  loadBefore: load,
};
await writeJson(`${options.output}.json`, result);
await writePage({ result, path: `${options.output}.md` });
const faults = rows.filter(({ fault }) => fault);
console.log(`${options.output}.md: ${rows.length} rows, ${faults.length} of them failed.`);
if (faults.length > 0 || inPython?.code) process.exitCode = 1;
