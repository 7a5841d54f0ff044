/**
 * Knowledge packs of fact sheets: what of the whole document they keep, in how many positions, and whether answers are made
 * of them. Trains the reader first, where it is not there yet.
 *
 *   node tooling/science/knowledge-packs.mjs [--output runs/knowledge-packs] [--seeds 1,2,3] [--pairs 2] [--steps 400]
 *     [--text-model FOLDER] [--collect]
 *
 * `--text-model`: a small language model, such as stories260K, for the part on real text. `--collect` measures nothing and
 * writes the page. Run after the workspace is built. Writes docs/results/knowledge-packs.json and .md.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { useEngine } from '../../packages/tensor/dist/index.js';
import { madeWith } from '../results/made-with.mjs';
import { measureSheets } from './knowledge-packs/measure-sheets.mjs';
import { measureText } from './knowledge-packs/measure-text.mjs';
import { trainReader } from './knowledge-packs/train-reader.mjs';
import { writePage } from './knowledge-packs/write-page.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const file = join(root, 'docs/results/knowledge-packs.json');
const { values: options } = parseArgs({
  options: {
    output: { type: 'string', default: 'runs/knowledge-packs' },
    seeds: { type: 'string', default: '1,2,3' },
    pairs: { type: 'string', default: '2' },
    steps: { type: 'string', default: '400' },
    'text-model': { type: 'string' },
    collect: { type: 'boolean', default: false },
  },
});

if (!options.collect) {
  const earlier = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const reader = trainReader({ folder: options.output });
  const { name: engine } = await useEngine({ engine: 'native' });
  const steps = Number(options.steps);
  const seeds = options.seeds.split(',').map(Number);
  const { text: told } = earlier;
  const text = options['text-model'] ? await measureText({ folder: options['text-model'], seeds }) : told;
  const sheets = await measureSheets({ reader, seeds, pairs: Number(options.pairs), steps, folder: options.output });
  const made = { ...madeWith(), engine };
  writeFileSync(file, `${JSON.stringify({ made, seeds, ...sheets, ...(text && { text }) }, null, 1)}\n`);
}
await writePage({ file, page: join(root, 'docs/results/knowledge-packs.md'), root });
