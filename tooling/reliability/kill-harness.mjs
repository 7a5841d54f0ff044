/**
 * Trains something tiny through the built command, in a process that is killed (SIGKILL) at random moments and started
 * again until it is done, and checks after each death and at the end:
 *
 *  - every checkpoint under its name is whole (sizes and SHA-256, read by code of its own), and none is ever set aside;
 *  - at most one interval of steps is lost;
 *  - the final weights and the log are the bytes of a run that nobody disturbed.
 *
 * A share of the kills waits until a checkpoint is being written (its temporary folder appears) and strikes a random
 * moment later. Kill moments come from the seed; what the machine does meanwhile does not, so counts differ by run.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { clearInterval, clearTimeout, setInterval, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';

import { readCheckpoints } from './check-checkpoint.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const command = join(root, 'apps', 'cli', 'bin', 'subtext.js');

/** Steps of the run's phases, chosen so that checkpoints fall inside phases and on their borders. */
const phaseSteps = { text: 16, encode: 8, recover: 8 };
const interval = 3;

function configuration({ steps }) {
  return `
seed: 5
engine: wasm
workers: WORKERS
output: run
stages: [summary, caption, reasoning]
data: { format: scenes, train: data/train.jsonl, validation: data/validation.jsonl, images: false }
model:
  new: { model_type: llama, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2, max_position_embeddings: 192, tie_word_embeddings: true }
method: { name: heima, thinkingTokens: 1 }
training:
  batchSize: 4
  learningRate: 0.003
  warmupSteps: 2
  checkpointSteps: ${interval}
  logSteps: 1
  validation: { examples: 4, steps: 7 }
  text: { steps: ${steps.text} }
  encode: { steps: ${steps.encode} }
  recover: { steps: ${steps.recover} }
interpreters:
  mode: joint
  model:
    new: { model_type: llama, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2, max_position_embeddings: 192, tie_word_embeddings: true }
`;
}

/** Random numbers from a seed (mulberry32). */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

function start(folder, args) {
  const child = spawn(process.execPath, [command, ...args], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, output }));
  });
  return { child, ended };
}

async function finish(folder, args) {
  const { code, output } = await start(folder, args).ended;
  if (code !== 0) throw new Error(`subtext ${args.join(' ')} ended with exit code ${code}:\n${output}`);
  return output;
}

/** Calls back when a checkpoint's temporary folder appears in a folder that may itself not exist yet. */
function onNewCheckpoint(run, callback) {
  const folder = join(run, 'checkpoints');
  let watcher;
  const timer = setInterval(() => {
    if (!existsSync(folder)) return;
    clearInterval(timer);
    try {
      watcher = watch(folder, (_event, name) => name?.endsWith('.tmp') && existsSync(join(folder, name)) && callback());
      watcher.on('error', () => undefined);
    } catch {
      // The run has ended and its folder is gone.
    }
  }, 5);
  return () => {
    clearInterval(timer);
    watcher?.close();
  };
}

const lastLogged = (run) => {
  const path = join(run, 'log.jsonl');
  if (!existsSync(path)) return 0;
  // The last line may be cut: the process died while it wrote it.
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.length === 0 ? 0 : JSON.parse(lines.at(-1)).step;
};

/** Weights of all models that a run leaves, and its log, as digests. */
function digestsOf(run) {
  const digest = (path) =>
    createHash('sha256')
      .update(readFileSync(join(run, ...path.split('/'))))
      .digest('hex');
  return {
    reasoner: digest('reasoner/model.safetensors'),
    interpreter: digest('reasoner/interpreters/shared/model.safetensors'),
    log: digest('log.jsonl'),
  };
}

/** Kills and restarts until `kills` kills have struck; runs follow one another where one is over before. */
export async function runKills({
  kills,
  seed = 1,
  workers = 0,
  steps = phaseSteps,
  shareInSave = 0.6,
  say = () => undefined,
}) {
  const folder = mkdtempSync(join(tmpdir(), 'subtext-kill-'));
  const began = Date.now();
  try {
    writeFileSync(join(folder, 'run.yaml'), configuration({ steps }).replace('WORKERS', String(workers)));
    await finish(folder, [
      'data',
      'generate',
      'scenes',
      'data',
      '--train',
      '24',
      '--validation',
      '4',
      '--test',
      '1',
      '--seed',
      '7',
    ]);
    const calm = Date.now();
    await finish(folder, ['train', 'run.yaml', 'output=calm', '--json']);
    /** Milliseconds of a run that nobody disturbs: kill moments are drawn up to them. */
    const duration = Date.now() - calm;
    const expected = digestsOf(join(folder, 'calm'));
    const totalSteps = steps.text + 3 * steps.encode + steps.recover;
    say(`undisturbed: ${totalSteps} steps in ${(duration / 1000).toFixed(1)} s`);

    const random = generator(seed);
    const result = {
      kills: 0,
      insideSave: 0,
      betweenManifestAndName: 0,
      whileDeleting: 0,
      beforeFirstCheckpoint: 0,
      afterTheEnd: 0,
      runsFinished: 0,
      starts: 0,
      unloadable: 0,
      mostStepsLost: 0,
      differentWeights: 0,
      differentLogs: 0,
      faults: [],
    };
    const run = join(folder, 'run');
    /** What the last death left: the checkpoint to go on from, and folders that the next death must not be counted for. */
    let left = { newest: undefined, finished: false, folders: new Set() };
    while (result.kills < kills || existsSync(run)) {
      const more = result.kills < kills;
      const { child, ended } = start(folder, ['train', 'run.yaml', '--json']);
      result.starts++;
      const draws = [random(), random(), random()];
      let timer;
      let stopWatching = () => undefined;
      if (more && draws[0] < shareInSave) {
        // The nth checkpoint from now on, some milliseconds after its folder has appeared.
        let skip = Math.floor(draws[1] * Math.max(1, totalSteps / interval / 4));
        stopWatching = onNewCheckpoint(run, () => {
          if (timer === undefined && skip-- <= 0) timer = setTimeout(() => child.kill('SIGKILL'), draws[2] * 25);
        });
      } else if (more) timer = setTimeout(() => child.kill('SIGKILL'), draws[1] * duration);
      const { code, signal, output } = await ended;
      clearTimeout(timer);
      stopWatching();

      const resumed = /Resuming at step (\d+) of/.exec(output)?.[1];
      if (left.newest !== undefined && !left.finished && code === 0 && resumed === undefined)
        result.faults.push(`start ${result.starts}: did not resume`);
      if (/is broken/.test(output)) result.faults.push(`start ${result.starts}: ${/.*is broken.*/.exec(output)[0]}`);
      if (resumed !== undefined && Number(resumed) !== left.newest)
        result.faults.push(`start ${result.starts}: resumed at step ${resumed} instead of ${left.newest}`);
      if (signal === 'SIGKILL' || (process.platform === 'win32' && code !== 0 && more && timer !== undefined)) {
        result.kills++;
        // A finished run deletes its checkpoints: nothing can be lost then.
        const finished = existsSync(join(run, 'finished.json'));
        const { whole, broken, unfinished, half, aside } = readCheckpoints(run);
        const struck = unfinished.filter((one) => !left.folders.has(one));
        if (struck.length > 0) {
          result.insideSave++;
          if (
            struck.some((one) => existsSync(join(run, 'checkpoints', one.slice(0, one.indexOf('@')), 'manifest.json')))
          )
            result.betweenManifestAndName++;
        }
        if (half.some((one) => !left.folders.has(one))) result.whileDeleting++;
        const newest = whole.at(-1);
        if (finished) result.afterTheEnd++;
        else {
          result.unloadable += broken.length + aside.length;
          for (const { name, faults } of broken)
            result.faults.push(`after kill ${result.kills}: ${name}: ${faults.join(', ')}`);
          if (newest === undefined) result.beforeFirstCheckpoint++;
          const done = lastLogged(run);
          const lost = Math.max(0, done - (newest ?? 0));
          result.mostStepsLost = Math.max(result.mostStepsLost, lost);
          if (lost > interval) result.faults.push(`after kill ${result.kills}: ${lost} steps lost, at step ${done}`);
        }
        left = { newest, finished, folders: new Set([...unfinished, ...half]) };
        if (result.kills % 10 === 0)
          say(`${result.kills} kills, ${result.insideSave} inside a save, ${result.runsFinished} runs finished`);
      } else if (code === 0) {
        result.runsFinished++;
        const found = digestsOf(run);
        if (found.reasoner !== expected.reasoner || found.interpreter !== expected.interpreter)
          result.differentWeights++;
        if (found.log !== expected.log) result.differentLogs++;
        rmSync(run, { recursive: true });
        left = { newest: undefined, finished: false, folders: new Set() };
      } else {
        result.faults.push(
          `start ${result.starts}: exit code ${code}, ${signal ?? 'no signal'}: ${output.slice(-2000)}`,
        );
        break;
      }
    }
    const passed =
      result.faults.length === 0 &&
      result.unloadable === 0 &&
      result.mostStepsLost <= interval &&
      result.differentWeights === 0 &&
      result.differentLogs === 0 &&
      result.runsFinished > 0;
    return {
      passed,
      ...result,
      interval,
      stepsOfARun: totalSteps,
      seed,
      workers,
      shareInSave,
      engine: 'wasm',
      node: process.version,
      platform: `${process.platform}-${process.arch}`,
      seconds: Math.round((Date.now() - began) / 1000),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `--kills 200` to `{ kills: '200' }` */
function readArguments(args) {
  const options = {};
  for (let index = 0; index < args.length; index += 2) options[args[index].replace(/^--/, '')] = args[index + 1];
  return options;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { kills = '200', seed = '1', workers = '0', out } = readArguments(process.argv.slice(2));
  if (!existsSync(join(root, 'apps', 'cli', 'dist', 'main.js'))) {
    console.error('The command is not built: run "npm run bootstrap" first.');
    process.exit(1);
  }
  const result = await runKills({
    kills: Number(kills),
    seed: Number(seed),
    workers: Number(workers),
    say: console.log,
  });
  const { version } = JSON.parse(readFileSync(join(root, 'apps', 'cli', 'package.json'), 'utf8'));
  const report = {
    command: `node tooling/reliability/kill-harness.mjs --kills ${kills} --seed ${seed} --workers ${workers}`,
    version,
    date: new Date().toISOString().slice(0, 10),
    ...result,
  };
  console.log(JSON.stringify(report, null, 2));
  if (out) {
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, `${JSON.stringify(report, null, 2)}\n`);
  }
  process.exit(result.passed ? 0 : 1);
}
