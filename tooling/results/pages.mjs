import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { calculationsTable, firstTable, graphsTable, onePassTable, usedTable } from './choice-tables.mjs';
import { tuningTable } from './tuning-table.mjs';
import { packagesTable, rehearsalLines } from './package-tables.mjs';
import { changesTable, collectivesTable, emulatedTable, predictionTable, trainingTable } from './scale-tables.mjs';

const percent = (share) => (share === null || share === undefined ? '–' : (100 * share).toFixed(1));

function methodsTable({ methods }) {
  return [
    '| method | steps | accuracy % ± s.e. | tokens | without tags | thoughts | ms per answer, batched | single | unparseable |',
    '|---|---|---|---|---|---|---|---|---|',
    ...methods.map(
      ({ method, steps, accuracy, standardError, tokens, secondsPerAnswer, singleMilliseconds, unparseable }) =>
        `| ${method} | ${steps} | ${percent(accuracy)} ± ${percent(standardError)} | ${tokens.generated.toFixed(1)} | ${tokens.withoutTags.toFixed(1)} | ${tokens.thinking} | ${(1000 * secondsPerAnswer).toFixed(1)} | ${singleMilliseconds.toFixed(0)} | ${unparseable} |`,
    ),
  ].join('\n');
}

function useTable({ audits }) {
  return [
    '| intervention | questions | answer follows % | answer stays % | verdict |',
    '|---|---|---|---|---|',
    ...audits.flatMap(({ method, stages, words }) => [
      ...stages.map(
        ({ stage, pairs, swap, verdict }) =>
          `| ${method}: ${stage} swapped | ${pairs} | ${percent(swap?.follows?.value)} | ${percent(swap?.stays.value)} | ${verdict} |`,
      ),
      ...words
        .filter(({ follows }) => follows !== null)
        .map(
          ({ stage, edit, follows, stays }) =>
            `| ${method}: ${stage} edited in words (${edit}) | ${follows.count} | ${percent(follows.value)} | ${percent(stays?.value)} | |`,
        ),
    ]),
  ].join('\n');
}

const share = ({ right, total }) => percent(right / total);

function drawingsTable({ drawings }) {
  return [
    '| input | objects correct % | colours % | shapes % |',
    '|---|---|---|---|',
    ...Object.entries(drawings.scores).map(
      ([condition, { objects, colours, shapes }]) =>
        `| ${conditions[condition] ?? condition} | ${share(objects)} | ${share(colours)} | ${share(shapes)} |`,
    ),
  ].join('\n');
}

/** What three seeds reached of the targets, a line each. */
function seedsTable(_, { root }) {
  const files = ['start.json', 'start-seed-2.json', 'start-seed-3.json'].filter((file) =>
    existsSync(join(root, 'docs/results', file)),
  );
  return targetsTable(files.map((file) => JSON.parse(readFileSync(join(root, 'docs/results', file), 'utf8'))));
}

/** What runs reached of the targets, a line each. */
function targetsTable(runs) {
  const method = (run, name) => run.methods.find((one) => one.method === name);
  const used = (run) => run.audits.find((one) => one.method === 'Heima, chain');
  const stage = (run, name) => used(run).stages.find((one) => one.stage === name);
  const told = (run) => used(run).words.find((one) => one.stage === 'caption');
  const lines = [
    ['Heima, chain: accuracy %', (run) => percent(method(run, 'Heima, chain').accuracy)],
    ['written chain: accuracy %', (run) => percent(method(run, 'Chain of thought').accuracy)],
    [
      'share of its tokens, with tags, %',
      (run) => percent(method(run, 'Heima, chain').tokens.generated / method(run, 'Chain of thought').tokens.generated),
    ],
    ['caption swapped: answer follows %', (run) => percent(stage(run, 'caption').swap?.follows?.value)],
    ['reasoning swapped: answer follows %', (run) => percent(stage(run, 'reasoning').swap?.follows?.value)],
    ['verdict: caption, reasoning', (run) => `${stage(run, 'caption').verdict}, ${stage(run, 'reasoning').verdict}`],
    ['one fact edited in words: follows %', (run) => percent(told(run).follows?.value)],
    ['irrelevant fact edited: stays %', (run) => percent(told(run).stays?.value)],
    ['caption facts decoded, own thought %', (run) => percent(run.explanations.caption.own.factsRight)],
    ["another image's thought %", (run) => percent(run.explanations.caption.another.factsRight)],
    ['objects drawn correctly, own thought %', (run) => share(run.drawings.scores.own.objects)],
    ["drawn from another image's thought %", (run) => share(run.drawings.scores.another.objects)],
    ['seconds', (run) => String(Math.round(run.secondsTotal))],
  ];
  return [
    `| | ${runs.map(({ seed }) => `seed ${seed}`).join(' | ')} |`,
    `|---|${runs.map(() => '---').join('|')}|`,
    ...lines.map(([name, of]) => `| ${name} | ${runs.map(of).join(' | ')} |`),
  ].join('\n');
}

const conditions = {
  own: 'own thought',
  another: "another image's thought",
  zeros: 'zeros',
  'question only': 'question alone',
};

function explanationsTable({ explanations }) {
  return [
    '| stage | interpreter input | BLEU | ROUGE-L | facts correct % | exact match % |',
    '|---|---|---|---|---|---|',
    ...Object.entries(explanations).flatMap(([stage, given]) =>
      Object.entries(given).map(
        ([condition, { bleu, rougeL, factsRight, exact }]) =>
          `| ${stage} | ${conditions[condition] ?? condition} | ${bleu.toFixed(1)} | ${rougeL.toFixed(1)} | ${percent(factsRight)} | ${percent(exact)} |`,
      ),
    ),
  ].join('\n');
}

/** Tables that stand in a page between `<!-- NAME -->` and `<!-- /NAME -->`, and the file that their numbers come from. */
const pages = [
  {
    page: 'docs/results/start.md',
    file: 'docs/results/start.json',
    tables: {
      methods: methodsTable,
      use: useTable,
      explanations: explanationsTable,
      drawings: drawingsTable,
      seeds: seedsTable,
    },
  },
  {
    page: 'docs/results/start.md',
    file: 'docs/results/full.json',
    tables: { 'full-methods': methodsTable, 'full-use': useTable, 'full-targets': (run) => targetsTable([run]) },
  },
  { page: 'README.md', file: 'docs/results/start.json', tables: { result: firstTable } },
  {
    page: 'docs/guide/which-method.md',
    file: 'docs/results/arithmetic.json',
    tables: { calculations: calculationsTable, used: usedTable, 'one-pass': onePassTable, graphs: graphsTable },
  },
  { page: 'docs/guide/public-checkpoint.md', file: 'docs/results/large.json', tables: { tuning: tuningTable } },
  {
    page: 'docs/results/packages.md',
    file: 'docs/results/packages.json',
    tables: { packages: packagesTable, rehearsal: rehearsalLines },
  },
  ...[
    ['collectives', { collectives: collectivesTable }],
    ['training', { training: trainingTable }],
    ['emulated', { emulated: emulatedTable }],
    ['predictions', { predictions: predictionTable, changes: changesTable }],
  ].map(([name, tables]) => ({ page: 'docs/results/scale.md', file: `docs/results/scale-${name}.json`, tables })),
];

function rendered({ root, page, file, tables }) {
  const numbers = JSON.parse(readFileSync(join(root, file), 'utf8'));
  let text = readFileSync(join(root, page), 'utf8');
  for (const [name, table] of Object.entries(tables)) {
    const place = new RegExp(`(<!-- ${name} -->\\n)[^]*?(<!-- /${name} -->)`);
    if (!place.test(text))
      throw new Error(`${page} has no place for the table "${name}": <!-- ${name} --> … <!-- /${name} -->.`);
    text = text.replace(place, (_, open, close) => `${open}${table(numbers, { root })}\n${close}`);
  }
  return text;
}

/** Pages whose tables are not what their files say. */
export function pagesOutOfDate(root) {
  return pages
    .filter((entry) => rendered({ root, ...entry }) !== readFileSync(join(root, entry.page), 'utf8'))
    .map(({ page }) => page);
}

/** Writes the tables; gives back the pages that changed. */
export function writePages(root) {
  const stale = pagesOutOfDate(root);
  for (const entry of pages)
    if (stale.includes(entry.page)) writeFileSync(join(root, entry.page), rendered({ root, ...entry }));
  return stale;
}
