/* global setInterval, clearInterval */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { answersInBrowser } from './check-inspector.mjs';
import { runProgram } from './run-program.mjs';
import { pathWithoutCompiler } from './without-compiler.mjs';

/** Whether a command ended as one that was interrupted and can be resumed: by its exit code, or, as npx itself does, by the signal. */
const stopped = ({ code, signal }) => code === 130 || signal === 'SIGINT';

/**
 * Runs `npx @subtext/cli start` as far as is wanted: to its end, or until its first model, which answers questions of one hop,
 * is trained; it is then interrupted as by Ctrl-C.
 */
function start({ folder, environment, whole }) {
  const first = join(folder, 'runs', 'start', 'base', 'finished.json');
  const child = spawn('npx', ['--yes', '@subtext/cli', 'start', '--json'], {
    cwd: folder,
    env: { ...process.env, ...environment },
    // A group of its own, to be interrupted whole.
    detached: process.platform !== 'win32',
  });
  let output = '';
  let interrupted = false;
  const add = (data) => (output += data);
  child.stdout.on('data', add);
  child.stderr.on('data', add);
  const watch = setInterval(() => {
    if (whole || interrupted || !existsSync(first)) return;
    interrupted = true;
    process.kill(-child.pid, 'SIGINT');
  }, 200);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearInterval(watch);
      resolve({ code, signal, output, interrupted });
    });
  });
}

/**
 * `npx @subtext/cli` from the registry, in a folder where there is no compiler on the path: `doctor`, `start`, `think`, and the
 * inspector in a browser.
 *
 * @param options.whole Whether `start` runs to its end, which takes minutes on an idle machine.
 * @returns What was seen, in words, and what was wrong.
 */
export async function checkCommand({ folder, registry, platform, whole, log }) {
  rmSync(folder, { recursive: true, force: true });
  const place = join(folder, 'start');
  mkdirSync(place, { recursive: true });
  const path = pathWithoutCompiler({ folder: join(folder, 'programs') });
  const environment = {
    ...(path ? { PATH: path } : {}),
    npm_config_registry: registry,
    npm_config_ignore_scripts: 'true',
    // What npx has kept of an earlier rehearsal has the same name and version.
    npm_config_cache: join(folder, 'npm'),
    SUBTEXT_ENGINES: join(folder, 'engines'),
    HF_HUB_OFFLINE: '1',
    NO_COLOR: '1',
  };
  const faults = [];
  const seen = {};
  const subtext = (...args) =>
    runProgram({ program: 'npx', args: ['--yes', '@subtext/cli', ...args], folder: place, environment, mayFail: true });

  const doctor = await subtext('doctor', '--json');
  const native = lastEvent(doctor.stdout)?.engines.find(({ name }) => name === 'native')?.loads === true;
  if (platform && !native)
    faults.push(`doctor finds no engine native without a compiler: ${doctor.output.slice(-1500)}`);
  seen.engine = native ? 'native' : 'wasm';
  log(`doctor: ${seen.engine}`);

  const began = performance.now();
  const ended = await start({ folder: place, environment, whole });
  seen.seconds = Math.round((performance.now() - began) / 1000);
  seen.start = ended.interrupted ? 'interrupted once its first model was trained' : 'whole';
  if (ended.interrupted ? !stopped(ended) : ended.code !== 0)
    faults.push(`start ended with ${ended.code ?? ended.signal}: ${ended.output.slice(-1500)}`);
  log(`start: ${seen.start}, ${seen.seconds} s`);

  const model = whole ? 'runs/start/reasoner' : 'runs/start/base/reasoner';
  const image = 'runs/start/data/images/test/000001.png';
  // The first model knows questions of one hop only.
  const question = whole
    ? firstQuestion(join(place, 'runs', 'start', 'data', 'test.jsonl'))
    : 'what is in the top-left ?';
  const answer = await subtext('think', '--model', model, '--image', image, '--json', question);
  seen.question = question;
  seen.answer = lastEvent(answer.stdout)?.answer;
  if (!answer.ok || !seen.answer) faults.push(`think: ${answer.output.slice(-1500)}`);
  log(`think: ${question} → ${seen.answer}`);

  const { faults: pageFaults, shown } = await answersInBrowser({ folder: place, environment, model });
  seen.inspector = shown;
  faults.push(...pageFaults);
  log(`inspect: ${shown ?? 'not tried or failed'}`);
  return { seen, faults };
}

/** What the last line of `--json` tells. */
function lastEvent(output) {
  const line = output.trimEnd().split('\n').at(-1) ?? '';
  return line.startsWith('{') ? JSON.parse(line) : undefined;
}

/** The question of a file's first example. */
function firstQuestion(path) {
  return JSON.parse(readFileSync(path, 'utf8').split('\n', 1)[0]).conversations[0].value;
}
