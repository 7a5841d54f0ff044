import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const percent = (share) => (100 * share).toFixed(1);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values) =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / Math.max(1, values.length - 1));
const spread = (values) => `${percent(mean(values))} ± ${percent(deviation(values))}`;

/** What the audits of several seeds say: one verdict, or each with its number. */
function verdicts(audits) {
  const said = audits.flatMap((audit) => audit?.verdict ?? []);
  if (said.length === 0) return '–';
  const kinds = [...new Set(said)];
  return kinds.length === 1
    ? kinds[0]
    : kinds.map((kind) => `${kind} (${said.filter((one) => one === kind).length} of ${said.length})`).join(', ');
}

function byMethod(runs, cells) {
  const methods = [...new Set(runs.map(({ method }) => method))];
  return methods
    .map((method) => runs.filter((run) => run.method === method))
    .sort((one, other) => mean(other.map(({ accuracy }) => accuracy)) - mean(one.map(({ accuracy }) => accuracy)))
    .map((same) => `| ${[`\`${same[0].method}\``, ...cells(same)].join(' | ')} |`);
}

/** Methods on calculations, the best first. */
export function calculationsTable({ runs }) {
  return [
    '| method | accuracy %, mean ± SD over seeds | generated tokens | training CPU seconds | thoughts |',
    '|---|---|---|---|---|',
    ...byMethod(runs, (same) => [
      spread(same.map(({ accuracy }) => accuracy)),
      mean(same.map(({ generatedTokens }) => generatedTokens)).toFixed(1),
      mean(same.map(({ processorSeconds }) => processorSeconds)).toFixed(0),
      verdicts(same.map(({ audit }) => audit)),
    ]),
  ].join('\n');
}

/** The cells of the experiment on what makes thoughts used. */
export function usedTable(_, { root }) {
  const { cells, runs } = JSON.parse(readFileSync(join(root, 'docs/results/visibility.json'), 'utf8'));
  return [
    '| method, visibility | accuracy %, mean ± SD over seeds | tokens | thoughts |',
    '|---|---|---|---|',
    ...cells.map(
      ({ cell, scores, generatedTokens }) =>
        `| \`${cell}\` | ${spread(scores)} | ${generatedTokens.toFixed(1)} | ${verdicts(runs.filter((run) => run.cell === cell).map(({ audit }) => audit))} |`,
    ),
  ].join('\n');
}

/** Methods of one pass beside those of several, on the same calculations. */
export function onePassTable(_, { root }) {
  const { cells, runs } = JSON.parse(readFileSync(join(root, 'docs/results/one-pass.json'), 'utf8'));
  return [
    '| method | accuracy %, mean ± SD over seeds | generated tokens | training CPU seconds | thoughts |',
    '|---|---|---|---|---|',
    ...cells.map(({ cell, scores, generatedTokens }) => {
      const own = runs.filter((run) => run.cell === cell);
      return `| \`${cell}\` | ${spread(scores)} | ${generatedTokens.toFixed(1)} | ${mean(own.map(({ processorSeconds }) => processorSeconds)).toFixed(0)} | ${verdicts(own.map(({ audit }) => audit))} |`;
    }),
  ].join('\n');
}

/** Methods on graphs, the best first. */
export function graphsTable(_, { root }) {
  const { runs } = JSON.parse(readFileSync(join(root, 'docs/results/graphs.json'), 'utf8'));
  return [
    '| method | accuracy %, mean ± SD over seeds | generated tokens | training CPU minutes | thoughts |',
    '|---|---|---|---|---|',
    ...byMethod(runs, (same) => [
      spread(same.map(({ accuracy }) => accuracy)),
      mean(same.map(({ generatedTokens }) => generatedTokens)).toFixed(1),
      (mean(same.map(({ processorSeconds }) => processorSeconds)) / 60).toFixed(1),
      verdicts(same.map(({ audit }) => audit)),
    ]),
  ].join('\n');
}

/** What the README shows first. */
export function firstTable({ methods, audits }) {
  const rows = [
    ['written chain of thought', 'Chain of thought'],
    ['hidden: Heima as published', 'Heima as published'],
    ['hidden: trained to be used', 'Heima, chain'],
  ];
  const follows = (name) =>
    audits.find(({ method }) => method === name)?.stages.find(({ stage }) => stage === 'caption')?.swap?.follows?.value;
  return [
    "| 500 unseen images | accuracy | tokens | answer follows another image's caption swapped into the thoughts |",
    '|---|---|---|---|',
    ...rows.map(([words, name]) => {
      const { accuracy, tokens } = methods.find(({ method }) => method === name);
      const share = follows(name);
      return `| ${words} | ${percent(accuracy)} % | ${tokens.generated.toFixed(0)} | ${share === undefined ? '–' : `${percent(share)} %`} |`;
    }),
  ].join('\n');
}
