/**
 * Audits the two models with hidden thoughts that `npm start` left, Heima as published and under `chain`: whether their
 * thoughts are used, and read.
 *
 *   node tooling/science/audits.mjs [--models published,chain] [--start runs/start] [--output runs] [--limit 500] [--collect]
 *
 * Run after the workspace is built. Writes docs/results/audit-MODEL.json and docs/results/audits.md; the whole reports are in
 * OUTPUT/audit-MODEL. A model that is not named keeps its numbers; `--collect` audits nothing and writes the page.
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
/** A share with its 95 % interval. */
const share = (estimate) =>
  estimate === undefined || estimate === null
    ? '–'
    : `${percent(estimate.value)} [${estimate.interval.map((end) => (100 * end).toFixed(1)).join(', ')}]`;
const effect = ({ thoughts }, kind, kept) =>
  thoughts.interventions.find((one) => one.kind === kind && (kept === undefined || one.kept === kept))?.effect;
const stages = [...new Set(known.flatMap((model) => audits[model].stages.map(({ stage }) => stage)))];
const readStages = [...new Set(known.flatMap((model) => audits[model].interpreters.map(({ name }) => name)))];
const edits = [
  ...new Map(
    known.flatMap((model) => audits[model].words.map(({ stage, edit }) => [`${stage}: ${edit}`, { stage, edit }])),
  ).values(),
];
const rows = [
  ['accuracy with its own thoughts', ({ thoughts }) => share(thoughts.accuracy)],
  ["with another example's thoughts", (audit) => share(effect(audit, 'another')?.accuracy)],
  ['with the mean thought', (audit) => share(effect(audit, 'mean')?.accuracy)],
  ["with the thoughts' tokens alone", (audit) => share(effect(audit, 'markers')?.accuracy)],
  ['without thoughts', (audit) => share(effect(audit, 'cut', 0)?.accuracy)],
  ['all thoughts swapped: answer follows', (audit) => share(effect(audit, 'swapped')?.follows)],
  ['**verdict**', ({ thoughts }) => `**${verdictWords(thoughts)}**`],
  ...stages.flatMap((stage) => {
    const found = (audit) => audit.stages.find((one) => one.stage === stage);
    return [
      [`${stage} swapped: answer follows`, (audit) => share(found(audit)?.swap?.follows)],
      [`verdict: ${stage}`, (audit) => (found(audit) ? verdictWords(found(audit)) : '–')],
    ];
  }),
  ...edits.flatMap(({ stage, edit }) => {
    const found = (audit) => audit.words.find((one) => one.stage === stage && one.edit === edit);
    return [
      [`${stage} edited in words (${edit}): answer follows`, (audit) => share(found(audit)?.follows)],
      ...(known.some((model) => found(audits[model])?.stays)
        ? [[`${stage} edited beside the question: answer stays`, (audit) => share(found(audit)?.stays)]]
        : []),
    ];
  }),
  ...['question', 'picture'].map((source) => [
    `largest gradient of the answer, ${source === 'picture' ? 'image' : source}, thoughts masked`,
    ({ gradients }) => {
      const found = gradients.find((one) => one.source === source);
      return found === undefined ? '–' : found.largest === 0 ? 'exactly 0' : found.largest.toFixed(1);
    },
  ]),
  ['retained information ρ', ({ retained }) => retained?.value?.toFixed(2) ?? '–'],
  ...readStages.flatMap((stage) => {
    const found = ({ interpreters }) => interpreters.find(({ name }) => name === stage)?.audit;
    const facts = (audit, condition) =>
      share(found(audit)?.conditions.find((one) => one.condition === condition)?.factsRight);
    return [
      [`interpreter, ${stage}: facts right, own thought`, (audit) => facts(audit, 'own')],
      [`interpreter, ${stage}: another example's thought`, (audit) => facts(audit, 'another')],
      [`verdict: interpreter, ${stage}`, (audit) => (found(audit) ? verdictWords(found(audit)) : '–')],
    ];
  }),
];
const table = [
  `| | ${known.join(' | ')} |`,
  `|---|${known.map(() => '---|').join('')}`,
  ...rows.map(([name, value]) => `| ${name} | ${known.map((model) => value(audits[model])).join(' | ')} |`),
].join('\n');
const { count, seed, engine } = audits[known[0]];
const page = `# Are the thoughts used, and can they be read?

<!-- made -->
<!-- /made -->

Audits of the two models with hidden thoughts from \`npm start\`: Heima as published, and with the visibility \`chain\`. ${count} unseen questions, seed ${seed}, engine ${engine}; 95 % intervals. [Method and verdicts](../evaluation.md).

${table}

${readFileSync(join(results, 'audits-notes.md'), 'utf8').trim()}

After \`npm start\`, \`node tooling/science/audits.mjs\` repeats this; the full reports are then in \`runs/audit-published\` and \`runs/audit-chain\`, and all numbers in [audit-published.json](audit-published.json) and [audit-chain.json](audit-chain.json).
`;
writeFileSync(join(results, 'audits.md'), page);
writeNotices(root);
console.log('docs/results/audits.md');
