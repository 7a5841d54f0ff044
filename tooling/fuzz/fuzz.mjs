/**
 * Changes whole model folders, data sets, results and runs at random and gives them to the built commands. Whatever
 * happens must be a result or an error that says what is wrong: no raw error, no hang, no crash, no memory without end,
 * no control character on the terminal.
 *
 *   node tooling/fuzz/fuzz.mjs [--cases 10000] [--seed 1] [--workers 2] [--target NAME] [--case NUMBER] [--keep FOLDER]
 *
 * The same seed gives the same cases; `--case` runs one of them again and keeps its folder.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { CaseFolder } from './case-folder.mjs';
import { judge } from './judge.mjs';
import { Draws } from './random.mjs';
import { runProcess, Worker } from './run-case.mjs';
import { commandFiles, makeSeeds } from './seeds.mjs';
import { targets } from './targets.mjs';

/** Cases in a row on one target, so that its code is warm and its folder stays. */
const casesATarget = 25;

/**
 * Runs cases; resolves to what was found.
 *
 * @param options.cases how many. Default 10000
 * @param options.seed of the changes. Default 1
 * @param options.workers processes. Default 2
 * @param options.target only those whose name holds this. Default all
 * @param options.single only the case of this number. Default all
 * @param options.casesAProcess one case in so many is a process of its own. Default 100
 * @param options.seconds that a command may take on these tiny folders, on a busy machine; a configuration without its
 *   sizes is of 17 million numbers. Default 120
 * @param options.memory bytes beyond which a command on a folder of some kilobytes is a bomb. Default 3 GiB
 * @param options.heap MiB of JavaScript's own memory. Default 1024
 * @param options.preload address of a module that the commands' processes load first. Default none
 * @param options.seeds a folder that `makeSeeds` made. Default makes one
 * @param options.keep keeps the cases' folders. Default false
 * @param options.say takes lines of progress. Default none
 */
export async function runFuzz({
  cases = 10_000,
  seed = 1,
  workers = 2,
  target: only,
  single,
  casesAProcess = 100,
  seconds = 120,
  memory = 3 * 2 ** 30,
  heap = 1024,
  preload,
  seeds: ownSeeds,
  keep = false,
  say = () => {},
} = {}) {
  const home = mkdtempSync(join(tmpdir(), 'subtext-fuzz-'));
  const seeds = ownSeeds ?? join(home, 'seeds');
  const limits = { seconds, memory, heap, preload };
  const findings = [];
  const started = performance.now();
  try {
    if (ownSeeds === undefined) {
      mkdirSync(seeds);
      makeSeeds(seeds);
    }
    const wheel = targets
      .filter(({ name }) => only === undefined || name.includes(only))
      .flatMap((target) => Array.from({ length: target.weight }, () => target));
    if (wheel.length === 0)
      throw new Error(`No target is called "${only}"; there are: ${targets.map(({ name }) => name).join(', ')}.`);
    let next = single ?? 0;
    const end = single === undefined ? cases : single + 1;
    const counts = { errors: 0, results: 0 };
    const lane = async (number) => {
      const worker = new Worker(limits);
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
            ? runProcess(command, limits)
            : worker.run(command));
          const fault = judge(result, limits);
          if (result.code === 0) counts.results += 1;
          else counts.errors += 1;
          if (fault) {
            findings.push({ case: index, seed, target: target.name, changes, ...fault });
            say(
              `case ${index} (${target.name}; ${changes.join(', ')}): ${fault.kind}: ${fault.text.split('\n').slice(0, 6).join('\n  ')}`,
            );
          }
          if (single !== undefined) say(`${result.stdout ?? ''}${result.stderr ?? ''}\nexit code ${result.code}`);
          if (single !== undefined && keep) say(`kept in ${folder}`);
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
    if (!keep) rmSync(home, { recursive: true, force: true });
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
