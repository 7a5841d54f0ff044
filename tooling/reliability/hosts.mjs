/**
 * Trains something tiny on several hosts of this machine (network namespaces with their own addresses and names, see
 * `host-namespaces.mjs`), under mpirun over TCP, with links of several kinds, and looks whether weights and log are the
 * bytes of one process; then cuts a host off in the middle, and looks whether that is an error in time that names the
 * missing rank, and whether the run goes on afterwards to the same bytes.
 *
 *     node tooling/reliability/hosts.mjs [--launcher openmpi|mpich] [--link 'PART OF ITS NAME'] [--times 1] [--out FILE]
 *
 * `--launcher` and `--link` try one of them only, `--times` a link several times; with `--link` no host is cut off.
 *
 * Needs Linux, root, iproute2, and the mpirun of Open MPI or MPICH, or of both.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { clearInterval, clearTimeout, setInterval, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { readCheckpoints } from './check-checkpoint.mjs';
import { openHosts, whyNoHosts } from './host-namespaces.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const command = join(root, 'apps', 'cli', 'bin', 'subtext.js');
const { values } = parseArgs({
  options: {
    launcher: { type: 'string' },
    link: { type: 'string' },
    times: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});

const why = whyNoHosts();
if (why) {
  console.error(`Not run: ${why}.`);
  process.exit(2);
}

/** How long a rank waits for the others, in seconds. */
const deadlineSeconds = 10;
/** On top of the deadline: ranks reach it at different times, ask who is missing (3 s), and the launcher clears up. */
const allowedSeconds = deadlineSeconds + 30;

const links = [
  { name: 'as fast as they go' },
  { name: '100 Mbit/s', megabits: 100 },
  { name: '1 Gbit/s, 1 ms', megabits: 1000, delayMilliseconds: 1 },
  { name: '1 Gbit/s, 5 ms, 1 % lost', megabits: 1000, delayMilliseconds: 5, lossPercent: 1 },
];

const launchers = [
  {
    kind: 'openmpi',
    names: ['mpirun.openmpi', 'mpirun'],
    says: /open.?mpi/i,
    // Once it has told a host to end that is cut off, it waits for an answer for a quarter of an hour: it has to have noticed
    // before the ranks do.
    options: [
      ...['--mca', 'oob_tcp_keepalive_time', String(deadlineSeconds / 2)],
      ...['--mca', 'oob_tcp_keepalive_intvl', '1', '--mca', 'oob_tcp_keepalive_probes', '3'],
    ],
  },
  { kind: 'mpich', names: ['mpirun.mpich', 'mpiexec.hydra', 'mpirun'], says: /hydra/i, options: [] },
].flatMap(({ kind, names, says, options }) => {
  const said = (name) => spawnSync(name, ['--version'], { encoding: 'utf8' }).stdout ?? '';
  const name = names.find((one) => says.test(said(one)));
  const asked = values.launcher === undefined || values.launcher === kind;
  return name && asked ? [{ kind, name, options, version: /(\d+\.\d+\.\d+)/.exec(said(name))[1] }] : [];
});
if (launchers.length === 0) {
  console.error(`Not run: there is no mpirun of ${values.launcher ?? 'Open MPI or MPICH'}.`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'subtext-hosts-run-'));
const model = `{ model_type: llama, hidden_size: 32, intermediate_size: 64, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2, max_position_embeddings: 192, tie_word_embeddings: true }`;
writeFileSync(
  join(folder, 'run.yaml'),
  `seed: 5
engine: wasm
workers: 0
output: run
data: { format: scenes, train: data/train.jsonl, validation: data/validation.jsonl, images: false }
model: { new: ${model} }
method: { name: heima, thinkingTokens: 1 }
ranks: { deadlineSeconds: ${deadlineSeconds} }
training:
  batchSize: 6
  shards: 6
  learningRate: 0.003
  checkpointSteps: 2
  logSteps: 1
  text: { steps: 8 }
  encode: { steps: 1 }
  recover: { steps: 1 }
`,
);
const environment = { ...process.env, SUBTEXT_ENGINE: 'wasm', NO_COLOR: '1' };

function alone(...words) {
  const { status, stderr } = spawnSync(process.execPath, [command, ...words], { cwd: folder, env: environment });
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
}

/** What a run said without its progress, cut in the middle: the ranks' own errors stand before what the launcher makes of them. */
function endsOf(said) {
  const told = said
    .split('\n')
    .filter((line) => !line.startsWith('{"event":"progress"'))
    .join('\n');
  return told.length <= 4000 ? told : `${told.slice(0, 2500)}\n…\n${told.slice(-1500)}`;
}

const digests = (output) =>
  ['reasoner/model.safetensors', 'log.jsonl'].map((name) =>
    createHash('sha256')
      .update(readFileSync(join(folder, output, name)))
      .digest('hex'),
  );

/** Trains on hosts; `onCheckpoint` is called once, when there is one. */
function train({ network, launcher, ranks, slots, output, onCheckpoint }) {
  return new Promise((resolve) => {
    const began = performance.now();
    const [first, ...words] = [
      ...network.enter(0),
      launcher.name,
      ...network.mpirun[launcher.kind]({ slots }),
      ...launcher.options,
      ...['-n', String(ranks), process.execPath, command, 'train', 'run.yaml', `output=${output}`, '--json'],
    ];
    const child = spawn(first, words, { cwd: folder, env: environment });
    let said = '';
    let acted;
    // A hang is a result too.
    const giveUp = setTimeout(() => child.kill('SIGKILL'), 300_000);
    child.stdout.on('data', (data) => (said += data));
    child.stderr.on('data', (data) => (said += data));
    const watch = setInterval(() => {
      if (!onCheckpoint || acted !== undefined || readCheckpoints(join(folder, output)).whole.length === 0) return;
      acted = performance.now();
      onCheckpoint();
    }, 50);
    child.on('close', (code) => {
      clearTimeout(giveUp);
      clearInterval(watch);
      const ended = performance.now();
      const seconds = Number(((ended - began) / 1000).toFixed(1));
      const secondsAfter = acted === undefined ? undefined : Number(((ended - acted) / 1000).toFixed(1));
      resolve({ code, said, seconds, secondsAfter });
    });
  });
}

const result = {
  command: 'node tooling/reliability/hosts.mjs',
  launchers: launchers.map(({ kind, version }) => `${kind} ${version}`),
  engine: 'wasm',
  node: process.version,
  kernel: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
  commit: spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).stdout.trim(),
  date: new Date().toISOString().slice(0, 10),
  deadlineSeconds,
  runs: [],
  cuts: [],
};
const faults = [];

/** Trains over each kind of link, with another number of hosts and of ranks on each. */
async function trainOverLinks(launcher) {
  const all = links.map((link, index) => ({ index, ...link })).filter(({ name }) => name.includes(values.link ?? ''));
  const tries = all.flatMap((link) => Array.from({ length: Number(values.times) }, (_, time) => ({ ...link, time })));
  for (const { index, time, name, ...link } of tries) {
    const [count, slots] = [2 + (index % 2), 1 + (index % 2)];
    const output = `run-${launcher.kind}-${index}-${time}`;
    const network = await openHosts({ count, ...link });
    try {
      const { code, said, seconds } = await train({ network, launcher, ranks: count * slots, slots, output });
      const sameBytes = code === 0 && String(digests(output)) === String(digests('alone'));
      const { shapedBy } = network;
      const one = {
        launcher: launcher.kind,
        hosts: count,
        ranks: count * slots,
        link: name,
        shapedBy,
        seconds,
        sameBytes,
      };
      result.runs.push(one);
      console.error(JSON.stringify(one));
      if (!sameBytes) faults.push(`${launcher.kind}, ${name}: exit code ${code}: ${endsOf(said)}`);
    } finally {
      await network.close();
    }
  }
}

/** Cuts the last host off while three train, then goes on with two. */
async function cut(launcher) {
  const output = `cut-${launcher.kind}`;
  const network = await openHosts({ count: 3 });
  try {
    const { code, said, secondsAfter } = await train({
      network,
      launcher,
      ranks: 3,
      slots: 1,
      output,
      onCheckpoint: () => network.cut(2),
    });
    // The ranks name the rank, the launcher its host, whoever is first.
    const named = /Rank 2 did not answer|(?:lost communication|host-3|10\.77\.0\.3)/.test(said);
    const inTime = secondsAfter !== undefined && secondsAfter <= allowedSeconds;
    const { broken, whole } = readCheckpoints(join(folder, output));
    network.join(2);
    const again = await train({ network, launcher, ranks: 2, slots: 1, output });
    const sameBytes = again.code === 0 && String(digests(output)) === String(digests('alone'));
    const one = {
      launcher: launcher.kind,
      exitCode: code,
      named,
      secondsToEnd: secondsAfter,
      checkpoint: whole.at(-1) ?? 0,
      sameBytesAfterwards: sameBytes,
    };
    result.cuts.push(one);
    console.error(JSON.stringify(one));
    if (code === 0 || !named || !inTime || broken.length > 0 || whole.length === 0)
      faults.push(`cut, ${launcher.kind}: ${endsOf(said)}`);
    if (!sameBytes) faults.push(`after the cut, ${launcher.kind}: ${endsOf(again.said)}`);
  } finally {
    await network.close();
  }
}

try {
  alone('data', 'generate', 'scenes', 'data', '--train', '12', '--validation', '6', '--seed', '7');
  alone('train', 'run.yaml', 'output=alone');
  for (const launcher of launchers) {
    await trainOverLinks(launcher);
    if (values.link === undefined) await cut(launcher);
  }
  const report = JSON.stringify({ passed: faults.length === 0, ...result, faults }, null, 2);
  console.log(report);
  if (values.out) writeFileSync(values.out, `${report}\n`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
