/** Carries out a case's command line, in a process of its own or in one that many cases share, and says how it ended. */
import { fork, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { clearInterval, setImmediate, setInterval } from 'node:timers';
import { fileURLToPath } from 'node:url';

/** Cases before a process is replaced, so that what a failed command left in memory does not add up. */
const casesOfAWorker = 500;
/** Milliseconds between two looks at a process. */
const interval = 100;
/** What every command runs with. */
const environment = { ...process.env, SUBTEXT_ENGINE: 'wasm', HF_HUB_OFFLINE: '1', NO_COLOR: '1' };

/**
 * What a command may take.
 *
 * @typedef {object} Limits
 * @property {number} seconds a command's time
 * @property {number} memory bytes that a command's process may take
 * @property {number} heap MiB of JavaScript's own memory
 * @property {string} [preload] address of a module that the process loads first
 */

const nodeOptions = ({ heap, preload }) => [
  `--max-old-space-size=${heap}`,
  ...(preload === undefined ? [] : ['--import', preload]),
];

/** The most memory that a process has had, in bytes; 0 where the system does not tell. */
function peakOf(pid) {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Ends a process that takes too long or too much, and remembers which it was. */
function watch(child, { seconds, memory }) {
  const until = performance.now() + seconds * 1000;
  const found = { peak: 0 };
  const look = () => {
    found.peak = Math.max(found.peak, peakOf(child.pid));
    if (found.peak > memory) found.ended ??= { memory: found.peak };
    else if (performance.now() > until) found.ended ??= { hung: seconds };
    else return;
    child.kill('SIGKILL');
  };
  const timer = setInterval(look, interval);
  return { found, end: () => clearInterval(timer) };
}

/** How a process that ended by itself, before its command's end, is called. */
function fell({ code, signal, errors }) {
  // V8 ends the process where its own heap is full.
  if (/heap out of memory|Reached heap limit/.test(errors)) return { memory: errors };
  return { crashed: `${signal === null ? `exit code ${code}` : `ended by ${signal}`}: ${errors}` };
}

/** Runs a command as a process of its own, as a user does: its end and its exit code count too. */
export function runProcess({ main, words, folder }, limits) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...nodeOptions(limits), main, ...words], {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const printed = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'])
      child[name].setEncoding('utf8').on('data', (text) => (printed[name] = (printed[name] + text).slice(0, 200_000)));
    const { found, end } = watch(child, limits);
    child.on('close', (code, signal) => {
      end();
      if (found.ended) resolve(found.ended);
      else if (signal !== null) resolve(fell({ code, signal, errors: printed.stderr }));
      else resolve({ ...printed, code, faults: [], peak: found.peak });
    });
  });
}

/** A process for cases, replaced after a while or when a case has ended it. */
export class Worker {
  #child;
  #cases = 0;
  #limits;

  /** @param {Limits} limits */
  constructor(limits) {
    this.#limits = limits;
  }

  async run(message) {
    if (this.#child && (this.#cases >= casesOfAWorker || !this.#child.connected)) await this.stop();
    if (!this.#child) await this.#start();
    const child = this.#child;
    this.#cases += 1;
    return new Promise((resolve) => {
      let errors = '';
      const gather = (data) => (errors = (errors + data).slice(-4000));
      const { found, end } = watch(child, this.#limits);
      const finish = (result) => {
        end();
        child.removeAllListeners('message');
        child.removeAllListeners('exit');
        child.stderr.removeListener('data', gather);
        resolve(result);
      };
      child.stderr.on('data', gather);
      child.on('message', (result) => {
        finish({ ...result, peak: Math.max(result.peak, found.peak) });
        // The peak is that of all its cases.
        if (result.peak > this.#limits.memory / 2) void this.stop();
      });
      child.on('exit', (code, signal) => {
        if (this.#child === child) this.#child = undefined;
        // What it wrote last comes after its end.
        setImmediate(() => finish(found.ended ?? fell({ code, signal, errors })));
      });
      child.send(message);
    });
  }

  async #start() {
    this.#cases = 0;
    this.#child = fork(fileURLToPath(new URL('worker.mjs', import.meta.url)), [], {
      execArgv: nodeOptions(this.#limits),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: environment,
    });
    await new Promise((resolve) => this.#child.once('message', resolve));
  }

  async stop() {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.removeAllListeners('exit');
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}
