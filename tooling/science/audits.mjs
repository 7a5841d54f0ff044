/**
 * Audits the two models with hidden thoughts that `npm start` left, Heima as published and under `chain`: whether their
 * thoughts are used, and read.
 *
 *   node tooling/science/audits.mjs [--models published,chain] [--start runs/start] [--output runs] [--limit 500] [--collect]
 *
 * Run after the workspace is built. Writes docs/results/audit-MODEL.json and docs/results/audits.md. A
 * model that is not named keeps what is there; `--collect` audits nothing and writes the page.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { verdictWords } from '../../packages/eval/dist/index.js';
import { madeWith } from '../results/made-with.mjs';
import { writeNotices } from '../results/notices.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const results = join(root, 'docs/results');
const { values: options } = parseArgs({
  options: {
    models: { type: 'string', default: 'published,chain' },
    start: { type: 'string', default: 'runs/start' },
    output: { type: 'string', default: 'runs' },
    limit: { type: 'string', default: '500' },
    collect: { type: 'boolean', default: false },
  },
});
/** By name, its run in the folder of `npm start`. */
const runs = { published: 'heima-published', chain: 'heima' };
const known = Object.keys(runs);
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));
const fileOf = (model) => join(results, `audit-${model}.json`);

const audited = options.collect ? [] : options.models.split(',');
for (const model of audited) {
  if (!known.includes(model)) throw new Error(`There is no model "${model}": ${known.join(' and ')} are there.`);
  const { start } = options;
  const output = join(options.output, `audit-${model}`);
  const words = [
    ...['audit', '--model', join(start, runs[model], 'reasoner'), '--task', 'scenes', '--data', join(start, 'data')],
    ...['--no-cot', join(start, 'no-cot/reasoner'), '--cot', join(start, 'cot/reasoner')],
    ...['--limit', options.limit, '--engine', 'native', '--output', output],
  ];
  const { status } = spawnSync(process.execPath, [join(root, 'apps/eval/bin/subtext-eval.js'), ...words], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`subtext-eval ${words.join(' ')} ended with exit code ${status}.`);
  const { model: _folder, ...audit } = readJson(join(output, 'audit.json'));
  writeFileSync(
    fileOf(model),
    `${JSON.stringify({ made: madeWith(), model: `runs/start/${runs[model]}`, ...audit }, null, 2)}\n`,
  );
}

const audits = Object.fromEntries(known.map((model) => [model, readJson(fileOf(model))]));
const percent = (value) => (value === undefined ? '–' : `${(100 * value).toFixed(1)} %`);
const intervention = ({ thoughts }, kind, kept) =>
  thoughts.interventions.find((one) => one.kind === kind && (kept === undefined || one.kept === kept))?.effect;
const stages = [...new Set(known.flatMap((model) => audits[model].stages.map(({ stage }) => stage)))];
const readStages = [...new Set(known.flatMap((model) => audits[model].interpreters.map(({ name }) => name)))];
const summary = [
  ['accuracy with its own thoughts', (audit) => percent(audit.thoughts.accuracy.value)],
  ["with another example's thoughts", (audit) => percent(intervention(audit, 'another')?.accuracy.value)],
  ['with every thought cut', (audit) => percent(intervention(audit, 'cut', 0)?.accuracy.value)],
  ['answers that follow a swapped thought', (audit) => percent(intervention(audit, 'swapped')?.follows?.value)],
  ['retained information ρ', ({ retained }) => retained?.value?.toFixed(2) ?? '–'],
  ['**are the thoughts used for the answer?**', ({ thoughts }) => `**${verdictWords(thoughts)}**`],
  ...stages.flatMap((stage) => {
    const found = (audit) => audit.stages.find((one) => one.stage === stage);
    return [
      [`another picture's ${stage}: the answer follows`, (audit) => percent(found(audit)?.swap?.follows?.value)],
      [`is the ${stage} used?`, (audit) => (found(audit) ? verdictWords(found(audit)) : '–')],
    ];
  }),
  ...readStages.map((stage) => [
    `interpreter: ${stage}`,
    ({ interpreters }) => {
      const found = interpreters.find(({ name }) => name === stage);
      return found ? verdictWords(found.audit) : '–';
    },
  ]),
];
const table = [
  `| | ${known.join(' | ')} |`,
  `|---|${known.map(() => '---|').join('')}`,
  ...summary.map(([name, value]) => `| ${name} | ${known.map((model) => value(audits[model])).join(' | ')} |`),
].join('\n');
const path = join(results, 'audits.md');
const before = readFileSync(path, 'utf8');
/** A model's section: of what was audited now, else as it stands in the page. */
const section = (model) => {
  if (audited.includes(model)) {
    const { count, seed, engine } = audits[model];
    const text = readFileSync(join(options.output, `audit-${model}`, 'audit.md'), 'utf8');
    return `## Heima, ${model}\n\n${count} unseen questions, seed ${seed}, engine ${engine}.\n\n${text}`;
  }
  const [found] = new RegExp(`^## Heima, ${model}\\n[^]*?(?=^## |(?![^]))`, 'm').exec(before) ?? [];
  if (found === undefined) throw new Error(`docs/results/audits.md has no section of the model "${model}"; audit it.`);
  return found;
};
const page = `# Are the thoughts used, and are they read?

<!-- made -->
<!-- /made -->

Audits of the two models with hidden thoughts that \`npm start\` leaves: Heima as published, and under \`chain\`. [What an audit does and what its verdicts mean](../evaluation.md). Made by \`node tooling/science/audits.mjs\` after it, from \`audit-published.json\` and \`audit-chain.json\`.

${table}

${readFileSync(join(results, 'audits-notes.md'), 'utf8').trim()}

${known.map((model) => section(model).trim()).join('\n\n')}`;
writeFileSync(path, `${page.trim()}\n`);
writeNotices(root);
console.log('docs/results/audits.md');
