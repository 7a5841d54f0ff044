/**
 * Trains something tiny on several ranks under mpirun, kills (SIGKILL) a random rank at random moments and starts again,
 * with another number of ranks each time, until the kills are done and the run is finished; then looks whether checkpoints
 * were always whole, what was lost, and whether weights and log are the bytes of one process that nobody disturbed.
 *
 *     node tooling/reliability/kill-ranks.mjs [KILLS] [SEED]
 *
 * Needs Linux and Open MPI's mpirun. Kill moments come from the seed; what the machine does meanwhile does not.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';

import { readCheckpoints } from './check-checkpoint.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const command = join(root, 'apps', 'cli', 'bin', 'subtext.js');
const [kills, seed] = [Number(process.argv[2] ?? 100), Number(process.argv[3] ?? 1)];
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

/** The ranks beneath an mpirun. */
function ranksOf(ancestor) {
  const found = [];
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [, name, rest] = /\((.*)\) (.*)/s.exec(readFileSync(`/proc/${entry}/stat`, 'utf8'));
      if (Number(rest.split(' ')[1]) === ancestor && /^(node|MainThread)/.test(name)) found.push(Number(entry));
    } catch {
      // It has ended.
    }
  }
  return found;
}

/** One start; a rank is killed after so many milliseconds, if it comes to that. */
function start({ ranks, output, after }) {
  return new Promise((resolve) => {
    const began = performance.now();
    const words = [
      '-n',
      String(ranks),
      '--oversubscribe',
      process.execPath,
      command,
      'train',
      'run.yaml',
      `output=${output}`,
      '--json',
    ];
    const child = spawn('mpirun', words, { cwd: folder, env: environment });
    let said = '';
    let killedAt;
    child.stdout.on('data', (data) => (said += data));
    child.stderr.on('data', (data) => (said += data));
    const strike = setTimeout(() => {
      const found = ranksOf(child.pid);
      if (found.length < ranks) return;
      process.kill(found[Math.floor(random() * ranks)], 'SIGKILL');
      killedAt = performance.now();
    }, after);
    child.on('close', (code) => {
      clearTimeout(strike);
      const ended = performance.now();
      const resumed = /Resuming at step (\d+)/.exec(said);
      resolve({
        code,
        killed: killedAt !== undefined,
        secondsToEnd: killedAt === undefined ? 0 : (ended - killedAt) / 1000,
        seconds: (ended - began) / 1000,
        resumed: resumed ? Number(resumed[1]) : 0,
        reached: Math.max(0, ...[...said.matchAll(/"done":(\d+)/g)].map(([, step]) => Number(step))),
        said,
      });
    });
  });
}

try {
  alone('data', 'generate', 'scenes', 'data', '--train', '24', '--validation', '12', '--seed', '7');
  alone('train', 'run.yaml', 'output=whole');
  const result = {
    command: `node tooling/reliability/kill-ranks.mjs ${kills} ${seed}`,
    launcher: spawnSync('mpirun', ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0],
    kills: 0,
    runsFinished: 0,
    mostStepsLost: 0,
    interval,
    brokenCheckpoints: 0,
    differentWeights: 0,
    differentLogs: 0,
    slowestEndSeconds: 0,
    startsTooEarly: 0,
    killsByRanks: {},
    faults: [],
  };
  let output = 'run-0';
  let newest = 0;
  let usual = 4_000;
  while (result.kills < kills || existsSync(join(folder, output, 'run.json'))) {
    const ranks = rankCounts[Math.floor(random() * rankCounts.length)];
    const after = result.kills < kills ? random() * usual : 2 ** 30;
    const { code, killed, secondsToEnd, seconds, resumed, said } = await start({ ranks, output, after });
    if (resumed > 0 && resumed < newest) result.faults.push(`resumed at ${resumed}, checkpoint ${newest}`);
    if (killed) {
      result.kills++;
      result.killsByRanks[ranks] = (result.killsByRanks[ranks] ?? 0) + 1;
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
    } else if (said.includes('"code":"locked"') && result.startsTooEarly < 10 * kills) {
      // mpirun has ended, the first rank not quite: whoever starts again at once is told so.
      result.startsTooEarly++;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    } else if (code !== 0) {
      result.faults.push(said.slice(-500));
      break;
    }
    if (code === 0) {
      usual = seconds * 1000;
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
  console.log(JSON.stringify({ passed, ...result }, null, 2));
  process.exitCode = passed ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
