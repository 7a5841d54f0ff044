import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const percent = (share) => (share === null || share === undefined ? '–' : (100 * share).toFixed(1));

function methodsTable({ methods }) {
  return [
    '| method | accuracy % ± s.e. | tokens | without tags | thinking | ms an answer, batched | alone | unparseable |',
    '|---|---|---|---|---|---|---|---|',
    ...methods.map(
      ({ method, accuracy, standardError, tokens, secondsPerAnswer, singleMilliseconds, unparseable }) =>
        `| ${method} | ${percent(accuracy)} ± ${percent(standardError)} | ${tokens.generated.toFixed(1)} | ${tokens.withoutTags.toFixed(1)} | ${tokens.thinking} | ${(1000 * secondsPerAnswer).toFixed(1)} | ${singleMilliseconds.toFixed(0)} | ${unparseable} |`,
    ),
  ].join('\n');
}

const conditions = {
  own: 'the thought itself',
  another: "another picture's",
  zeros: 'zeros',
  'question only': 'the question alone',
};

function explanationsTable({ explanations }) {
  return [
    '| stage | interpreter given | BLEU | ROUGE-L | facts right % | exactly the stage % |',
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
    tables: { methods: methodsTable, explanations: explanationsTable },
  },
];

function rendered({ root, page, file, tables }) {
  const numbers = JSON.parse(readFileSync(join(root, file), 'utf8'));
  let text = readFileSync(join(root, page), 'utf8');
  for (const [name, table] of Object.entries(tables)) {
    const place = new RegExp(`(<!-- ${name} -->\\n)[^]*?(<!-- /${name} -->)`);
    if (!place.test(text))
      throw new Error(`${page} has no place for the table "${name}": <!-- ${name} --> … <!-- /${name} -->.`);
    text = text.replace(place, (_, open, close) => `${open}${table(numbers)}\n${close}`);
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
