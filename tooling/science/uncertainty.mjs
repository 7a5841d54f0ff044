/**
 * Whether thoughts hold what cannot be known better than words: reasoners of several methods on rows with covered cells and on
 * pictures with a covered one, whose true distributions are known. Trains them first, where they are not there yet.
 *
 *   node tooling/science/uncertainty.mjs [--output runs/uncertainty] [--seeds 1,2,3] [--parallel 1] [--collect]
 *
 * Takes about a quarter of an hour a seed on a core that does other work too. What was trained and measured before is kept in
 * the output folder: begun again, it goes on where it stopped. `--collect` measures nothing and writes the page. Run after the
 * workspace is built. Writes docs/results/uncertainty.json and .md.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { madeWith } from '../results/made-with.mjs';
import { measureFrontier } from './uncertainty/measure-frontier.mjs';
import { writePage } from './uncertainty/write-page.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const file = join(root, 'docs/results/uncertainty.json');
const { values: options } = parseArgs({
  options: {
    output: { type: 'string', default: 'runs/uncertainty' },
    seeds: { type: 'string', default: '1,2,3' },
    parallel: { type: 'string', default: '1' },
    collect: { type: 'boolean', default: false },
  },
});
/**
 * The two sets: what draws them, who is asked, which of these are taught the colour of the covered cell and in which stage they
 * write it, and whose thoughts are audited.
 */
const sets = [
  {
    ...{ generator: 'covered-cells', folder: 'data', methods: ['sim-cot', 'cot'] },
    ...{ named: ['sim-cot', 'cot'], written: 'cot', step: 'step_2', audited: 'sim-cot' },
  },
  {
    ...{ generator: 'covered-scenes', folder: 'scenes', methods: ['scenes-heima', 'scenes-cot'] },
    ...{ named: ['scenes-heima', 'scenes-cot'], written: 'scenes-cot', step: 'covered', audited: 'scenes-heima' },
  },
];
/** Questions by which readers are trained, which no reasoner was trained on; responses sampled; questions of an audit. */
const [readers, chains, auditQuestions] = [5000, 16, 200];
const asked = ['--format', 'jsonl', '--score', 'exact', '--engine', 'wasm'];

/** What is read: the answer, and the covered cell, which a written chain names in its second step. */
const labels = {
  answer: [],
  covered: ['--label', 'covered', '--posterior', 'coveredPosterior'],
};

async function command(app, words, { json = false } = {}) {
  const bin = join(root, 'apps', app, 'bin', app === 'cli' ? 'subtext.js' : 'subtext-eval.js');
  const child = spawn(process.execPath, [bin, ...words], {
    cwd: root,
    stdio: ['ignore', json ? 'pipe' : 'inherit', 'inherit'],
  });
  let stdout = '';
  child.stdout?.on('data', (part) => (stdout += part));
  const status = await new Promise((done) => child.on('close', done));
  if (status !== 0) throw new Error(`${app} ${words.join(' ')} ended with exit code ${status}.`);
  return stdout;
}

/** What was measured before, else what `measure` gives. */
async function kept(name, measure) {
  const path = join(options.output, 'measured', `${name}.json`);
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8'));
  const found = await measure();
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(found)}\n`);
  return found;
}

async function measure({ method, seed, set }) {
  const [validation, test] = ['validation', 'test'].map((split) => join(options.output, set.folder, `${split}.jsonl`));
  const train = join(options.output, set.folder, 'train.jsonl');
  const folder = join(options.output, `${method}-${seed}`);
  const over = [`seed=${seed}`, `output=${folder}`, `data.train=${train}`, `data.evaluation=${test}`];
  // A run that has ended takes a while to be found so.
  if (!existsSync(join(folder, 'reasoner')))
    await command('cli', ['train', `tooling/science/uncertainty/${method}.yaml`, ...over]);
  const model = join(folder, 'reasoner');
  const rows = [];
  for (const [label, words] of Object.entries(labels)) {
    if (label === 'covered' && !set.named.includes(method)) continue;
    const writes = method === set.written && label === 'covered';
    const chain = writes ? ['--step', set.step, '--chains', String(chains)] : [];
    const of = ['--model', model, '--data', validation, '--limit', String(readers), '--test', test];
    const { event: _, ...found } = await kept(`${method}-${seed}-${label}`, async () => {
      const more = [...words, ...chain, '--batch', '128', '--json'];
      const lines = (await command('eval', ['uncertainty', ...of, ...asked, ...more], { json: true })).trim();
      return JSON.parse(lines.split('\n').at(-1));
    });
    rows.push({ method, seed, ...found });
  }
  if (method !== set.audited) return { rows, audits: [] };
  const audit = await kept(`${method}-${seed}-audit`, async () => {
    const output = join(options.output, `audit-${method}-${seed}`);
    const of = ['--model', model, '--data', test, '--limit', String(auditQuestions), '--no-probes', '--output', output];
    await command('eval', ['audit', ...of, ...asked]);
    const { thoughts } = JSON.parse(readFileSync(join(output, 'audit.json'), 'utf8'));
    const follows = thoughts.interventions.find(({ kind }) => kind === 'swapped')?.effect?.follows ?? null;
    const { verdict, certain, dependence } = thoughts;
    return { method, seed, verdict, certain, dependence, follows };
  });
  return { rows, audits: [audit] };
}

async function inParallel(jobs, count) {
  const results = [];
  const waiting = [...jobs.entries()];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) results[next[0]] = await next[1]();
  };
  await Promise.all(Array.from({ length: count }, work));
  return results;
}

if (!options.collect) {
  const seeds = options.seeds.split(',').map(Number);
  for (const { generator, folder } of sets)
    await command('cli', ['data', 'generate', generator, join(options.output, folder)]);
  const jobs = seeds.flatMap((seed) =>
    sets.flatMap((set) => set.methods.map((method) => () => measure({ method, seed, set }))),
  );
  const found = await inParallel(jobs, Number(options.parallel));
  const result = {
    made: { ...madeWith(), engine: 'wasm' },
    ...{ seeds, readers, chains, auditQuestions },
    rows: found.flatMap(({ rows }) => rows),
    audits: found.flatMap(({ audits }) => audits),
    frontier: await measureFrontier({ folder: join(root, 'docs/results/checkpoints/graphs') }),
  };
  writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
}
writePage({ root, file });
