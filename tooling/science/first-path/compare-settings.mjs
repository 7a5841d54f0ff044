/**
 * How settings of the first path do on questions that are in neither the training set nor the page's test set.
 *
 *   node tooling/science/first-path/compare-settings.mjs --folder CHECKPOINT [--runs runs/first-path-settings]
 *     [--output docs/results/first-path-settings.json] METHOD:TUNING[:KEY=VALUE…] …
 *
 *   node tooling/science/first-path/compare-settings.mjs --folder stories260K codi:full codi:lora:learningRate=0.002
 *
 * TUNING is `full` or `lora` (with trainable token rows); KEY is `learningRate`, `steps` (of the phases that hide), `rank`,
 * `alpha`, `tokens`. Runs that are finished are not repeated, and stay in the output.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { madeWith } from '../../results/made-with.mjs';
import { drawDigits } from './draw-digits.mjs';
import { evaluate, readJson, train, writeJson } from './programs.mjs';
import { slug } from './row.mjs';
import { adapter, asked, configurationOf, methods, tunings } from './settings.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: 'string' },
    runs: { type: 'string', default: 'runs/first-path-settings' },
    output: { type: 'string', default: 'docs/results/first-path-settings.json' },
  },
});
if (!options.folder) throw new Error('Name the checkpoint with --folder.');
const runs = resolve(options.runs);
const made = madeWith();
const data = await drawDigits({ ...asked, folder: join(runs, 'data') });

for (const word of positionals) {
  const own = join(runs, slug(word));
  if (existsSync(join(own, 'found.json'))) continue;
  const [method, tuning, ...pairs] = word.split(':');
  const given = Object.fromEntries(pairs.map((pair) => pair.split('=')));
  const { learningRate, steps, tokens, ...numbers } = given;
  const known = tunings[tuning === 'lora' ? 'LoRA, rows' : tuning];
  if (!methods[method] || !known || Object.keys(numbers).some((key) => key !== 'rank' && key !== 'alpha'))
    throw new Error(`"${word}" is not METHOD:TUNING[:KEY=VALUE…].`);
  const lora = known.lora && {
    ...adapter(tokens ?? 'rows'),
    ...Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, Number(value)])),
  };
  await rm(own, { recursive: true, force: true });
  await mkdir(own, { recursive: true });
  const output = join(own, 'run');
  const configuration = configurationOf({
    output,
    folder: resolve(options.folder),
    data,
    method,
    learningRate: Number(learningRate ?? known.learningRate),
    lora,
    learns: true,
    heldOut: data.validation,
    ...(steps && { steps: { encode: Number(steps) } }),
  });
  const trained = await train({ configuration, path: join(own, 'first-path.yaml'), output });
  const accuracy = await evaluate({
    reasoner: join(output, 'reasoner'),
    path: data.validation,
    output: join(own, 'evaluation'),
  });
  const found = {
    method,
    tuning,
    learningRate: configuration.training.learningRate,
    steps: configuration.training.encode.steps,
    ...(lora && { rank: lora.rank, alpha: lora.alpha, tokens: lora.tokens }),
    accuracy,
    ...trained,
    commit: made.commit,
  };
  await writeJson(join(own, 'found.json'), found);
  console.log(JSON.stringify(found));
}
const found = [];
for (const name of await readdir(runs)) {
  const path = join(runs, name, 'found.json');
  if (existsSync(path)) found.push(await readJson(path));
}
const order = Object.keys(methods);
found.sort(
  (a, b) =>
    order.indexOf(a.method) - order.indexOf(b.method) ||
    a.tuning.localeCompare(b.tuning) ||
    a.steps - b.steps ||
    a.learningRate - b.learningRate,
);
// Runs that were there are of the code that made them.
const commits = [...new Set(found.map(({ commit }) => commit))];
await writeJson(options.output, {
  made: { ...made, commit: commits[0] ?? made.commit, ...(commits.length > 1 && { commits }) },
  folder: basename(options.folder),
  questions: asked.validation,
  runs: found,
});
