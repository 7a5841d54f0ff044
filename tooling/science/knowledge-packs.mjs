/**
 * Knowledge packs of graphs: what of the whole document they keep at an eighth of its positions, and whether answers are made
 * of them. Not measured in full yet: there is no page of results.
 *
 *   node tooling/science/knowledge-packs.mjs [--seeds 1,2,3] [--steps 200] [--studied 64] [--output runs/knowledge-packs]
 *
 * Run after the workspace is built. Writes `seed-N.json` into the folder, a row for each pack: right answers to held-out
 * questions with the document, the pack, its rows untrained, zeros and nothing; answers with the pack of the graph's twin.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { useEngine } from '../../packages/tensor/dist/index.js';
import { madeWith } from '../results/made-with.mjs';
import { measureGraphs } from './knowledge-packs/measure-graphs.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    steps: { type: 'string', default: '200' },
    studied: { type: 'string', default: '64' },
    output: { type: 'string', default: 'runs/knowledge-packs' },
  },
});

mkdirSync(options.output, { recursive: true });
const { name: engine } = await useEngine({ engine: 'native' });
const [steps, studied] = [options.steps, options.studied].map(Number);
for (const seed of options.seeds.split(',').map(Number)) {
  const folder = join(root, 'docs/results/checkpoints/graphs');
  const rows = await measureGraphs({ folder, seed, steps, studied, run: join(options.output, `pack-${seed}`) });
  const found = { made: { ...madeWith(), engine }, steps, rows };
  writeFileSync(join(options.output, `seed-${seed}.json`), `${JSON.stringify(found, null, 1)}\n`);
}
