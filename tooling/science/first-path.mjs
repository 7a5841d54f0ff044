/**
 * The path that a user of a public checkpoint takes first: a folder, a method, full training or an adapter; then an answer
 * with its thoughts in words, an evaluation, an audit, and the saved folders in transformers and PEFT.
 *
 *   node tooling/science/first-path.mjs [--folder CHECKPOINT …] [--python python3] [--runs runs/first-path]
 *     [--output docs/results/first-path] [--parallel 2]
 *
 * Five published checkpoints in miniature (their keys, random weights) take a few steps; each folder that is given learns
 * to name the largest of three digits in two steps. Run after the workspace is built. Runs that are finished are not
 * repeated; those that failed are. With `--python`, a Python that has transformers and PEFT, the saved folders are loaded
 * there too.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { useEngine } from '../../packages/tensor/dist/index.js';
import { madeWith } from '../results/made-with.mjs';
import { writeNotices } from '../results/notices.mjs';
import { drawDigits } from './first-path/draw-digits.mjs';
import { miniatures, writeMiniature } from './first-path/miniatures.mjs';
import { readJson, root, run, writeJson } from './first-path/programs.mjs';
import { reasonerOf, row } from './first-path/row.mjs';
import { asked, methods, tunings } from './first-path/settings.mjs';
import { writePage } from './first-path/write-page.mjs';
import { tuneProcess } from '../../packages/core/dist/node.js';

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

/** Loads what was saved in transformers and PEFT (`tooling/parity/check_reasoners.py`); what was checked is not again. */
async function checkInPython(rows) {
  const folders = rows.filter(({ fault }) => !fault).map((row) => reasonerOf({ runs, ...row }));
  const checkedOf = (folder) => join(folder, '../../python.txt');
  const missing = folders.filter((folder) => !existsSync(checkedOf(folder)));
  if (missing.length > 0) {
    const words = [join(root, 'tooling/parity/check_reasoners.py'), ...missing];
    const { stdout, stderr } = await run(options.python, words, { node: false });
    for (const folder of missing) {
      const own = stdout.split('\n').filter((line) => /^(ok|BAD)/.test(line) && line.includes(folder));
      if (own.length === 0) throw new Error(`${options.python}: ${stderr.slice(-2000)}`);
      await writeFile(checkedOf(folder), `${own.join('\n')}\n`);
    }
  }
  const lines = (await Promise.all(folders.map((folder) => readFile(checkedOf(folder), 'utf8')))).flatMap((text) =>
    text.trim().split('\n'),
  );
  return {
    folders: folders.length,
    checks: lines.length,
    bad: lines.filter((line) => line.startsWith('BAD')).map((line) => line.replaceAll(runs, 'RUNS')),
    largestDifference: Math.max(
      ...lines.flatMap((line) => /largest difference ([^\s,]+)/.exec(line)?.[1] ?? []).map(Number),
    ),
  };
}

tuneProcess();
await useEngine({ engine: 'wasm' });
await mkdir(runs, { recursive: true });
const data = await drawDigits({ ...asked, folder: join(runs, 'data') });
const folders = options.folder.map((folder) => ({ name: basename(folder), folder: resolve(folder), learns: true }));
for (const name of Object.keys(miniatures)) {
  const folder = join(runs, 'miniatures', name);
  if (!existsSync(join(folder, 'tokenizer_config.json'))) await writeMiniature({ name, folder });
  folders.push({ name, folder, learns: false });
}
const made = madeWith();
const load = loadavg()[0];
const waiting = folders.flatMap((folder) =>
  Object.keys(methods).flatMap((method) =>
    Object.keys(tunings).map((tuning) => ({ ...folder, runs, method, tuning, data, commit: made.commit })),
  ),
);
const rows = new Array(waiting.length);
let next = 0;
await Promise.all(
  Array.from({ length: Number(options.parallel) }, async () => {
    for (let index = next++; index < waiting.length; index = next++) rows[index] = await row(waiting[index]);
  }),
);
const test = await readJson(data.test);
const counts = [...new Set(test.map(({ answer }) => answer))].map(
  (value) => test.filter(({ answer }) => answer === value).length,
);
// Rows that were there are of the code that made them.
const [commit, ...others] = new Set(rows.map((one) => one.commit));
if (others.length > 0) throw new Error(`${runs} holds rows of several commits: ${[commit, ...others].join(', ')}.`);
const result = {
  made: { ...made, commit },
  data: {
    question: 'the largest of three digits',
    ...asked,
    commonestAnswer: Math.max(...counts) / test.length,
    example: test[0],
  },
  tunings,
  rows,
  transformersAndPeft: options.python ? await checkInPython(rows) : null,
  processes: Number(options.parallel),
  loads: [load, loadavg()[0]],
};
await writeJson(`${options.output}.json`, result);
await writePage({ result, output: options.output });
if (resolve(options.output) === join(root, 'docs/results/first-path')) writeNotices(root);
const faults = rows.filter(({ fault }) => fault);
console.log(`${options.output}.md: ${rows.length} rows, ${faults.length} of them failed.`);
if (faults.length > 0 || result.transformersAndPeft?.bad.length) process.exitCode = 1;
