/**
 * Knowledge packs of graphs: what of the whole document they keep at an eighth of its positions, and whether answers are made
 * of them.
 *
 *   node tooling/science/knowledge-packs.mjs [--seeds 1,2,3] [--steps 800] [--studied 400] [--parts graphs,several]
 *     [--output runs/knowledge-packs] [--collect]
 *
 * Run after the workspace is built. Writes `seed-N.json` into the folder, a row for each pack: right answers to held-out
 * questions with the document, the pack, its rows untrained, zeros and nothing; answers with the pack of the graph's twin.
 * `several-N.json` has two packs at once. Then, of the seeds that are there, docs/results/knowledge-packs.json and .md;
 * `--collect` does this alone; a part of which there is no file stays as it is in that record.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { madeWith } from '../results/made-with.mjs';
import { packsPage } from './knowledge-packs/packs-page.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    steps: { type: 'string', default: '800' },
    studied: { type: 'string', default: '400' },
    parts: { type: 'string', default: 'graphs,several' },
    output: { type: 'string', default: 'runs/knowledge-packs' },
    collect: { type: 'boolean', default: false },
  },
});
const seeds = options.seeds.split(',').map(Number);
const [steps, studied] = [options.steps, options.studied].map(Number);
const recordFile = join(root, 'docs/results/knowledge-packs.json');
/** What is measured, by name: the file of a seed, and how its rows are made. */
const parts = {
  graphs: { file: (seed) => join(options.output, `seed-${seed}.json`) },
  several: { file: (seed) => join(options.output, `several-${seed}.json`) },
};

if (!options.collect) {
  const { useEngine } = await import('../../packages/tensor/dist/index.js');
  const { measureGraphs } = await import('./knowledge-packs/measure-graphs.mjs');
  const { measureSeveral } = await import('./knowledge-packs/measure-several.mjs');
  mkdirSync(options.output, { recursive: true });
  const { name: engine } = await useEngine({ engine: 'native' });
  const folder = join(root, 'docs/results/checkpoints/graphs');
  for (const name of options.parts.split(',')) {
    const measure = { graphs: measureGraphs, several: measureSeveral }[name];
    if (!measure) throw new Error(`--parts: there is no "${name}"; take graphs or several.`);
    for (const seed of seeds) {
      const rows = await measure({ folder, seed, steps, studied, run: join(options.output, `${name}-${seed}`) });
      const made = { ...madeWith(), engine };
      writeFileSync(parts[name].file(seed), `${JSON.stringify({ made, steps, rows }, null, 1)}\n`);
    }
  }
}
const known = existsSync(recordFile) ? JSON.parse(readFileSync(recordFile, 'utf8')) : {};
const found = ({ file }) =>
  seeds.filter((seed) => existsSync(file(seed))).map((seed) => JSON.parse(readFileSync(file(seed), 'utf8')));
const collected = (part) => {
  const all = found(part);
  return all.length === 0
    ? undefined
    : { made: all[0].made, steps: all[0].steps, rows: all.flatMap(({ rows }) => rows) };
};
const { made, rows, steps: ownSteps } = collected(parts.graphs) ?? known;
const record = {
  ...{ made, seeds: [...new Set(rows.map(({ seed }) => seed))], steps: ownSteps, rows },
  several: collected(parts.several) ?? known.several,
};
writeFileSync(recordFile, `${JSON.stringify(record, null, 1)}\n`);
packsPage({ root, record });
