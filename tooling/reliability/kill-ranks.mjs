/**
 * Trains something tiny on several ranks under mpirun, kills (SIGKILL) a random rank at random moments and starts again,
 * with another number of ranks each time, until the kills are done and the run is finished; then looks whether checkpoints
 * were always whole, what was lost, and whether weights and log are the bytes of one process that nobody disturbed.
 *
 *     node tooling/reliability/kill-ranks.mjs [--kills 100] [--seed 1] [--launcher mpirun.openmpi] [--out FILE]
 *
 * Needs Linux and the mpirun of Open MPI or MPICH. Kill moments come from the seed; what the machine does meanwhile does not.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { readCheckpoints } from './check-checkpoint.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const command = join(root, 'apps', 'cli', 'bin', 'subtext.js');
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    launcher: { type: 'string', default: 'mpirun.openmpi' },
    out: { type: 'string' },
  },
});
const { launcher, out } = values;
const [kills, seed] = [Number(values.kills), Number(values.seed)];
const launcherVersion = spawnSync(launcher, ['--version'], { encoding: 'utf8' }).stdout ?? '';
if (!launcherVersion) throw new Error(`There is no ${launcher}: name the mpirun of this machine by --launcher.`);
const isOpenMpi = /open.?mpi/i.test(launcherVersion);
const interval = 3;
const rankCounts = [1, 2, 3, 4];
const folder = mkdtempSync(join(tmpdir(), 'subtext-kill-ranks-'));

const model = `{ model_type: llama, hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2, max_position_embeddings: 192, tie_word_embeddings: true }`;
writeFileSync(
  join(folder, 'run.yaml'),
  `seed: 5
engine: wasm
workers: 0
output: run
data: { format: scenes, train: data/train.jsonl, validation: data/validation.jsonl, images: false }
model: { new: ${model} }
method: { name: heima, thinkingTokens: 1 }
ranks: { deadlineSeconds: 60 }
training:
  batchSize: 12
  shards: 12
  learningRate: 0.003
  checkpointSteps: ${interval}
  logSteps: 1
  validation: { steps: 7 }
  text: { steps: 20 }
  encode: { steps: 6 }
  recover: { steps: 6 }
`,
);

/** Random numbers from a seed (mulberry32). */
let state = seed >>> 0;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

const environment = {
  ...process.env,
  SUBTEXT_ENGINE: 'wasm',
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
};

function alone(...words) {
  const { status, stderr } = spawnSync(process.execPath, [command, ...words], { cwd: folder, env: environment });
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
}

const digest = (output, name) =>
  createHash('sha256')
    .update(readFileSync(join(folder, output, name)))
    .digest('hex');

/** The ranks beneath an mpirun: its children, or those of its proxy. */
function ranksOf(ancestor) {
  const processes = new Map();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [, name, rest] = /\((.*)\) (.*)/s.exec(readFileSync(`/proc/${entry}/stat`, 'utf8'));
      processes.set(Number(entry), { name, parent: Number(rest.split(' ')[1]) });
    } catch {
      // It has ended.
    }
  }
  const isBeneath = (one) => one === ancestor || (processes.has(one) && isBeneath(processes.get(one).parent));
  return [...processes.keys()].filter((one) => /^(node|MainThread)/.test(processes.get(one).name) && isBeneath(one));
}

/** One start; a rank is killed so many milliseconds after the start, or after the first step, if it comes to that. */
function start({ ranks, output, strikeAfter = Infinity, since = 'start' }) {
  return new Promise((resolve) => {
    const began = performance.now();
    const words = ['-n', String(ranks), ...(isOpenMpi ? ['--oversubscribe'] : [])];
    words.push(process.execPath, command, 'train', 'run.yaml', `output=${output}`, '--json');
    const child = spawn(launcher, words, { cwd: folder, env: environment });
    let said = '';
    let firstStep;
    let killedAt;
    let timer;
    const arm = () => {
      if (strikeAfter < Infinity) timer = setTimeout(strike, strikeAfter);
    };
    function strike() {
      const found = ranksOf(child.pid);
      if (found.length < ranks) return;
      process.kill(found[Math.floor(random() * ranks)], 'SIGKILL');
      killedAt = performance.now();
    }
    const hear = (data) => {
      said += data;
      if (firstStep !== undefined || !said.includes('"done":')) return;
      firstStep = performance.now();
      if (since === 'first step') arm();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    if (since === 'start') arm();
    child.on('close', (code) => {
      clearTimeout(timer);
      const ended = performance.now();
      const resumed = /Resuming at step (\d+)/.exec(said);
      resolve({
        code,
        killed: killedAt !== undefined,
        inTraining: killedAt !== undefined && firstStep !== undefined,
        secondsToEnd: killedAt === undefined ? 0 : (ended - killedAt) / 1000,
        toFirstStep: (firstStep ?? ended) - began,
        training: ended - (firstStep ?? ended),
        resumed: resumed ? Number(resumed[1]) : 0,
        waited: said.includes('waiting for its end'),
        said,
      });
    });
  });
}

try {
  alone('data', 'generate', 'scenes', 'data', '--train', '24', '--validation', '12', '--seed', '7');
  alone('train', 'run.yaml', 'output=whole');
  /** How long an undisturbed run takes: kill moments are drawn up to that. */
  const usual = await start({ ranks: 2, output: 'calm' });
  if (usual.code !== 0) throw new Error(usual.said);
  const result = {
    command: `node tooling/reliability/kill-ranks.mjs --kills ${kills} --seed ${seed} --launcher ${launcher}`,
    launcher: isOpenMpi ? launcherVersion.split('\n')[0] : `Hydra ${/Version: *(\S+)/.exec(launcherVersion)[1]}`,
    engine: 'wasm',
    node: process.version,
    machine: `${process.platform}-${process.arch}, ${availableParallelism()} × ${cpus()[0].model}`,
    commit: spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).stdout.trim(),
    date: new Date().toISOString().slice(0, 10),
    minutes: 0,
    starts: 0,
    kills: 0,
    killsInTraining: 0,
    runsFinished: 0,
    mostStepsLost: 0,
    interval,
    brokenCheckpoints: 0,
    differentWeights: 0,
    differentLogs: 0,
    slowestEndSeconds: 0,
    /** Starts that found the first rank of the one before still ending, and waited for it; and those that gave up. */
    startsThatWaited: 0,
    startsRefused: 0,
    killsByRanks: {},
    faults: [],
  };
  let output = 'run-0';
  let newest = 0;
  const began = Date.now();
  while (result.kills < kills || existsSync(join(folder, output, 'run.json'))) {
    const ranks = rankCounts[Math.floor(random() * rankCounts.length)];
    const since = random() < 0.25 ? 'start' : 'first step';
    const within = since === 'start' ? usual.toFirstStep : usual.training;
    const strikeAfter = result.kills < kills ? random() * within : Infinity;
    const one = await start({ ranks, output, strikeAfter, since });
    const { code, killed, inTraining, secondsToEnd, resumed, waited, said } = one;
    result.starts++;
    if (waited) result.startsThatWaited++;
    if (resumed > 0 && resumed < newest) result.faults.push(`resumed at ${resumed}, checkpoint ${newest}`);
    if (killed) {
      result.kills++;
      if (inTraining) result.killsInTraining++;
      result.killsByRanks[ranks] = (result.killsByRanks[ranks] ?? 0) + 1;
      if (result.kills % 10 === 0) console.error(`${result.kills} kills, ${result.runsFinished} runs finished`);
      result.slowestEndSeconds = Math.max(result.slowestEndSeconds, secondsToEnd);
      if (existsSync(join(folder, output, 'log.jsonl'))) {
        const { whole, broken } = readCheckpoints(join(folder, output));
        result.brokenCheckpoints += broken.length;
        const log = readFileSync(join(folder, output, 'log.jsonl'), 'utf8')
          .trim()
          .split('\n').length;
        if (whole.length > 0) result.mostStepsLost = Math.max(result.mostStepsLost, log - whole.at(-1));
        newest = whole.at(-1) ?? 0;
      }
    } else if (said.includes('"code":"locked"') && result.startsRefused < 10) {
      result.startsRefused++;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    } else if (code !== 0) {
      result.faults.push(said.slice(-500));
      break;
    }
    if (code === 0) {
      result.runsFinished++;
      if (digest(output, 'reasoner/model.safetensors') !== digest('whole', 'reasoner/model.safetensors'))
        result.differentWeights++;
      if (digest(output, 'log.jsonl') !== digest('whole', 'log.jsonl')) result.differentLogs++;
      rmSync(join(folder, output), { recursive: true });
      output = `run-${result.runsFinished}`;
      newest = 0;
    }
  }
  const { faults, brokenCheckpoints, differentWeights, differentLogs, mostStepsLost } = result;
  const passed =
    faults.length + brokenCheckpoints + differentWeights + differentLogs === 0 && mostStepsLost <= interval;
  result.minutes = Math.round((Date.now() - began) / 60_000);
  const report = JSON.stringify({ passed, ...result }, null, 2);
  console.log(report);
  if (out) writeFileSync(out, `${report}\n`);
  process.exitCode = passed ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
