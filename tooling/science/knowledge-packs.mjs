/**
 * Knowledge packs of graphs: what of the whole document they keep at an eighth of its positions, and whether answers are made
 * of them.
 *
 *   node tooling/science/knowledge-packs.mjs [--seeds 1,2,3] [--steps 800] [--studied 400] [--output runs/knowledge-packs] [--collect]
 *
 * Run after the workspace is built. Writes `seed-N.json` into the folder, a row for each pack: right answers to held-out
 * questions with the document, the pack, its rows untrained, zeros and nothing; answers with the pack of the graph's twin.
 * Then, of the seeds that are there, docs/results/knowledge-packs.json and .md; `--collect` does this alone.
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
    output: { type: 'string', default: 'runs/knowledge-packs' },
    collect: { type: 'boolean', default: false },
  },
});
const seeds = options.seeds.split(',').map(Number);
const fileOf = (seed) => join(options.output, `seed-${seed}.json`);

if (!options.collect) {
  const { useEngine } = await import('../../packages/tensor/dist/index.js');
  const { measureGraphs } = await import('./knowledge-packs/measure-graphs.mjs');
  mkdirSync(options.output, { recursive: true });
  const { name: engine } = await useEngine({ engine: 'native' });
  const [steps, studied] = [options.steps, options.studied].map(Number);
  for (const seed of seeds) {
    const folder = join(root, 'docs/results/checkpoints/graphs');
    const rows = await measureGraphs({ folder, seed, steps, studied, run: join(options.output, `pack-${seed}`) });
    writeFileSync(fileOf(seed), `${JSON.stringify({ made: { ...madeWith(), engine }, steps, rows }, null, 1)}\n`);
  }
}
const found = seeds
  .filter((seed) => existsSync(fileOf(seed)))
  .map((seed) => JSON.parse(readFileSync(fileOf(seed), 'utf8')));
const [{ made, steps }] = found;
const record = { made, seeds, steps, rows: found.flatMap(({ rows }) => rows) };
writeFileSync(join(root, 'docs/results/knowledge-packs.json'), `${JSON.stringify(record, null, 1)}\n`);
packsPage({ root, record });
