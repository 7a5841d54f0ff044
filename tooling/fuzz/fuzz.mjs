/**
 * Changes whole model folders, data sets, results and runs at random and gives them to the built commands. Whatever
 * happens must be a result or an error that says what is wrong: no raw error, no hang, no crash, no memory without end,
 * no control character on the terminal.
 *
 *   node tooling/fuzz/fuzz.mjs [--cases 10000] [--seed 1] [--workers 2] [--target NAME] [--case NUMBER] [--keep FOLDER]
 *
 * The same seed gives the same cases; `--case` runs one of them again and keeps its folder.
 */
import { fork, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clearTimeout, setImmediate } from 'node:timers';
import { parseArgs } from 'node:util';

import { mutateContent } from './mutate.mjs';
import { Draws } from './random.mjs';
import { commandFiles, makeSeeds } from './seeds.mjs';
import { targets } from './targets.mjs';

/** Seconds that a command may take on these tiny folders, on a busy machine. A configuration without its sizes is of 17 million numbers. */
const limitSeconds = 120;
/** Bytes of memory beyond which a command on a folder of some kilobytes is a bomb. */
const memoryLimit = 3 * 2 ** 30;
/** Cases before a process is replaced, so that what a failed command left in memory does not add up. */
const casesOfAWorker = 500;

/** One case in so many is a process of its own; the others share processes, which costs a twentieth. */
const casesAProcess = 100;
/** Cases in a row on one target, so that its code is warm and its folder stays. */
const casesATarget = 25;
/** What every command runs with. */
const environment = { ...process.env, SUBTEXT_ENGINE: 'wasm', HF_HUB_OFFLINE: '1', NO_COLOR: '1' };

const rawErrors =
  /Cannot read propert|is not a function|is not iterable|Maximum call stack|Invalid array length|Invalid typed array length|is not a constructor|Invalid string length|Cannot convert|Invalid count value|is not defined|offset is out of bounds|Reduce of empty|Cannot mix BigInt|out of memory\b.*Allocation|Array buffer allocation failed/;

/** Every file below a folder, with names relative to it. */
function filesBelow(folder, prefix = '') {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(folder, join(prefix, entry.name)) : [join(prefix, entry.name)],
  );
}

const sources = new Map();
/** The seeds' files of a target: names in the case's folder, and their content. */
function filesOf({ target, seeds }) {
  const known = sources.get(target.name);
  if (known) return known;
  const files = Object.entries(target.files).flatMap(([name, source]) => {
    const path = join(seeds, source);
    const names = statSync(path).isDirectory()
      ? filesBelow(path).map((file) => [join(name, file), join(path, file)])
      : [[name, path]];
    return names
      .filter(([file]) => !/images[\\/](test|base)|(^|[\\/])initial[\\/]|tensorboard|\.html$/.test(file))
      .map(([file, from]) => ({ name: file.replaceAll('\\', '/'), from, content: readFileSync(from) }));
  });
  sources.set(target.name, files);
  return files;
}

/** Something that is not a file in a file's place. Windows has no pipes or devices in folders. */
function replaceByOther({ path, draws }) {
  const kinds =
    process.platform === 'win32'
      ? ['nothing', 'folder']
      : ['nothing', 'folder', 'pipe', 'zero', 'sparse', 'circle', 'outside'];
  const kind = draws.of(kinds);
  if (kind === 'folder') mkdirSync(path);
  else if (kind === 'pipe') spawnSync('mkfifo', [path]);
  else if (kind === 'zero') symlinkSync('/dev/zero', path);
  else if (kind === 'circle') symlinkSync(path, path);
  else if (kind === 'outside') symlinkSync('/etc/hostname', path);
  else if (kind === 'sparse') {
    const file = openSync(path, 'w');
    ftruncateSync(file, 200e9);
    closeSync(file);
  }
  return kind;
}

/** One lane's folder for a target: the seeds' files are written once, and only what a case changed is put right again. */
class CaseFolder {
  #files;
  #changed = [];

  constructor({ folder, target, seeds }) {
    this.folder = folder;
    this.target = target;
    this.#files = filesOf({ target, seeds });
    rmSync(folder, { recursive: true, force: true });
    for (const file of this.#files) this.#restore(file);
  }

  #restore({ name, from }) {
    const path = join(this.folder, name);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(dirname(path), { recursive: true });
    copyFileSync(from, path);
  }

  /** Makes one case of it; gives back what was changed. */
  change(draws) {
    for (const file of this.#changed) this.#restore(file);
    const changeable = this.#files.filter(({ name }) => this.target.change.test(name));
    const count = draws.of([1, 1, 1, 1, 2, 3]);
    this.#changed = [...new Set(Array.from({ length: count }, () => draws.of(changeable)))];
    return this.#changed.map(({ name, content }) => {
      const path = join(this.folder, name);
      if (draws.chance(0.05)) {
        rmSync(path);
        return `${name}: ${replaceByOther({ path, draws })}`;
      }
      writeFileSync(path, mutateContent({ name, content, draws }));
      return `${name}: changed`;
    });
  }
}

/** Runs a command as a process of its own, as a user does: its end and its exit code count too. */
function runProcess({ main, words, folder }) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--max-old-space-size=1024', main, ...words], {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const printed = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'])
      child[name].setEncoding('utf8').on('data', (text) => (printed[name] = (printed[name] + text).slice(0, 200_000)));
    const timer = setTimeout(() => child.kill('SIGKILL'), limitSeconds * 1000);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (signal === 'SIGKILL') resolve({ hung: true });
      else if (signal !== null) resolve({ crashed: `ended by ${signal}: ${printed.stderr}` });
      else resolve({ ...printed, code, faults: [], peak: 0, bytes: 0 });
    });
  });
}

/** A process for cases, replaced after a while or when a case has ended it. */
class Worker {
  #child;
  #cases = 0;

  async run(message) {
    if (this.#child && (this.#cases >= casesOfAWorker || !this.#child.connected)) await this.stop();
    if (!this.#child) await this.#start();
    const child = this.#child;
    this.#cases += 1;
    return new Promise((resolve) => {
      let errors = '';
      const gather = (data) => (errors = (errors + data).slice(-4000));
      const finish = (result) => {
        clearTimeout(timer);
        child.removeAllListeners('message');
        child.removeAllListeners('exit');
        child.stderr.removeListener('data', gather);
        resolve(result);
      };
      const timer = setTimeout(() => {
        finish({ hung: true });
        void this.stop();
      }, limitSeconds * 1000);
      child.stderr.on('data', gather);
      child.on('message', (result) => {
        finish(result);
        if (result.bytes > memoryLimit / 2) void this.stop();
      });
      child.on('exit', (code, signal) => {
        this.#child = undefined;
        setImmediate(() => finish({ crashed: `exit ${code ?? signal}: ${errors}` }));
      });
      child.send(message);
    });
  }

  async #start() {
    this.#cases = 0;
    this.#child = fork(fileURLToPath(new URL('worker.mjs', import.meta.url)), [], {
      execArgv: ['--max-old-space-size=1024'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: environment,
    });
    await new Promise((resolve) => this.#child.once('message', resolve));
  }

  async stop() {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    child.removeAllListeners('exit');
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}

/** What is wrong with what a command did; undefined where nothing is. */
function judge(result) {
  if (result.hung) return { kind: 'hang', text: `no end within ${limitSeconds} seconds` };
  if (result.crashed) return { kind: 'crash', text: result.crashed };
  if (result.faults.length > 0) return { kind: 'uncaught', text: result.faults.join('\n') };
  const { stdout, stderr, code } = result;
  if (/This is a fault of Subtext/.test(stderr)) return { kind: 'raw error', text: stderr };
  if (/^ {4}at .*:\d+:\d+\)?$/m.test(stderr)) return { kind: 'raw error', text: stderr };
  const all = `${stdout}\n${stderr}`;
  if (rawErrors.test(all)) return { kind: 'raw error', text: all.slice(-3000) };
  if (/"code":"ERR_/.test(stdout)) return { kind: 'raw error', text: stdout.slice(-3000) };
  // What a command says of faulty data is its result.
  if (code !== 0 && !/^\{.*"faults"/m.test(stdout) && !/^Error: \S/m.test(stderr) && !/^error: /m.test(stderr))
    return { kind: 'no message', text: `exit code ${code}: ${stderr}` };
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f\u001b\u009b]/.test(all.replaceAll('\u001b[2K', '')))
    return { kind: 'control characters', text: JSON.stringify(all.slice(-1500)) };
  if (/^Error: .*(\bundefined\b|\[object Object\])/m.test(stderr)) return { kind: 'unclear message', text: stderr };
  if (result.peak > memoryLimit) return { kind: 'memory', text: `${(result.peak / 2 ** 30).toFixed(1)} GB` };
  return undefined;
}

/**
 * Runs cases; resolves to what was found.
 *
 * @param options.cases how many. Default 10000
 * @param options.seed of the changes. Default 1
 * @param options.workers processes. Default 2
 * @param options.only one case's number, or a target's name
 */
export async function runFuzz({
  cases = 10_000,
  seed = 1,
  workers = 2,
  target: only,
  single,
  keep,
  say = () => {},
} = {}) {
  const home = mkdtempSync(join(tmpdir(), 'subtext-fuzz-'));
  const seeds = join(home, 'seeds');
  mkdirSync(seeds);
  const findings = [];
  const started = performance.now();
  try {
    makeSeeds(seeds);
    const wheel = targets
      .filter(({ name }) => only === undefined || name.includes(only))
      .flatMap((target) => Array.from({ length: target.weight }, () => target));
    if (wheel.length === 0)
      throw new Error(`No target is called "${only}"; there are: ${targets.map(({ name }) => name).join(', ')}.`);
    let next = single ?? 0;
    const end = single === undefined ? cases : single + 1;
    const counts = { errors: 0, results: 0 };
    const lane = async (number) => {
      const worker = new Worker();
      let caseFolder;
      try {
        while (next < end) {
          const index = next;
          next += 1;
          const draws = new Draws(seed * 1_000_003 + index);
          const target = new Draws(seed * 1_000_003 - 1 - Math.floor(index / casesATarget)).of(wheel);
          const folder = join(home, `lane-${number}`, target.name.replaceAll(' ', '-'));
          if (caseFolder?.target !== target) caseFolder = new CaseFolder({ folder, target, seeds });
          const changes = caseFolder.change(draws);
          const command = { main: commandFiles[target.command], words: target.words, folder };
          const result = await (index % casesAProcess === casesAProcess - 1
            ? runProcess(command)
            : worker.run(command));
          const fault = judge(result);
          if (result.code === 0) counts.results += 1;
          else counts.errors += 1;
          if (fault) {
            findings.push({ case: index, seed, target: target.name, changes, ...fault });
            say(
              `case ${index} (${target.name}; ${changes.join(', ')}): ${fault.kind}: ${fault.text.split('\n').slice(0, 6).join('\n  ')}`,
            );
          }
          if (single !== undefined) say(`${result.stdout ?? ''}${result.stderr ?? ''}\nexit code ${result.code}`);
          if (single !== undefined && keep !== undefined) say(`kept in ${folder}`);
          if ((index + 1) % 500 === 0)
            say(
              `${index + 1} cases, ${findings.length} findings, ${((performance.now() - started) / (index + 1)).toFixed(1)} ms a case`,
            );
        }
      } finally {
        await worker.stop();
      }
    };
    await Promise.all(Array.from({ length: single === undefined ? workers : 1 }, (_, number) => lane(number)));
    return { cases: end - (single ?? 0), seed, findings, ...counts, seconds: (performance.now() - started) / 1000 };
  } finally {
    if (keep === undefined) rmSync(home, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string' },
      seed: { type: 'string' },
      workers: { type: 'string' },
      target: { type: 'string' },
      case: { type: 'string' },
      keep: { type: 'boolean' },
    },
  });
  const number = (text) => (text === undefined ? undefined : Number(text));
  const { findings, ...rest } = await runFuzz({
    cases: number(values.cases),
    seed: number(values.seed),
    workers: number(values.workers),
    target: values.target,
    single: number(values.case),
    keep: values.keep,
    say: console.log,
  });
  console.log(JSON.stringify({ ...rest, findings: findings.length }));
  const kinds = new Map();
  for (const { kind, target } of findings) kinds.set(`${kind}, ${target}`, (kinds.get(`${kind}, ${target}`) ?? 0) + 1);
  for (const [kind, count] of [...kinds].sort((a, b) => b[1] - a[1]))
    console.log(`${String(count).padStart(5)}  ${kind}`);
  process.exitCode = findings.length > 0 ? 1 : 0;
}
