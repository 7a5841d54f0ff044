import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { madeWithWords } from '../../results/made-with.mjs';
import { writeNotices } from '../../results/notices.mjs';

const sum = (values) => values.reduce((total, value) => total + value, 0);
const percent = (part, whole) => `${((100 * part) / whole).toFixed(1)} %`;

/** Writes docs/results/knowledge-packs.md. */
export function packsPage({ root, record: { made, seeds, steps, rows, several } }) {
  const held = sum(rows.map((row) => row.held));
  const right = (name, some = rows) => sum(some.map((row) => row.right[name]));
  const swap = (name, some = rows) => sum(some.map((row) => row.swap[name]));
  const kept = right('pack') / right('document');
  const positions = sum(rows.map(({ span }) => span)) / sum(rows.map((row) => row.positions));
  const ofSeeds = seeds.map((seed) => {
    const own = rows.filter((row) => row.seed === seed);
    return right('pack', own) / right('document', own);
  });
  const reached = kept >= 0.95 && positions >= 8;
  /** Seeds below 95 %, with the questions that are missing. */
  const short = seeds.flatMap((seed) => {
    const own = rows.filter((row) => row.seed === seed);
    const missing = Math.ceil(0.95 * right('document', own)) - right('pack', own);
    return missing > 0
      ? [
          `seed ${seed} is ${missing === 1 ? 'one question' : `${missing} questions`} of ${sum(own.map((row) => row.held))} short of it`,
        ]
      : [];
  });
  const line = (row) =>
    `| ${row.seed}.${row.twin + 1} | ${row.span} | ${row.positions} | ${['document', 'pack', 'untrained', 'zeros', 'nothing'].map((name) => percent(row.right[name], row.held)).join(' | ')} | ${row.swap.asked} | ${percent(row.swap.own, row.swap.asked)} | ${percent(row.swap.follows, row.swap.asked)} | ${percent(row.swap.stays, row.swap.asked)} |`;
  const all = { seed: 'all', span: '', positions: '', held };
  const parts = [
    '# Knowledge packs',
    '<!-- made -->\n<!-- /made -->',
    'Made by `node tooling/science/knowledge-packs.mjs`.',
    `What is left of a document that is condensed into an eighth of its positions, and are answers made of it? A document is a graph of ${Math.min(...rows.map((row) => row.span))} to ${Math.max(...rows.map((row) => row.span))} edges, told as [graphs](graphs-used.md) are; the model, trained on other graphs, answers which of two nodes a root leads to, over four continuous thoughts. A pack is learned by self-study: the model with the document teaches itself with the pack, on ${Math.min(...rows.map((row) => row.studied))} to ${Math.max(...rows.map((row) => row.studied))} questions, for ${steps} steps. ${rows[0].held} other questions about each graph are asked. Each graph has a twin, the same edges between other nodes of the same names.`,
    [
      `- **${reached ? 'Reached' : 'Missed'}: a pack keeps ${percent(right('pack'), right('document'))} of what the whole document gives at ${positions.toFixed(1)}× fewer positions** (95 % at 8× were asked for; by seed ${ofSeeds.map((share) => percent(share, 1)).join(', ')}${short.map((words) => `; ${words}`).join('')}). Its rows untrained, which are every eighth of the document's, give ${percent(right('untrained'), held)}, zeros ${percent(right('zeros'), held)}, nothing ${percent(right('nothing'), held)}.`,
      `- **Answers are made of it**: with the twin's pack in its place the answer is the one of the twin's graph in ${percent(swap('follows'), swap('asked'))}, and stays in ${percent(swap('stays'), swap('asked'))}, of ${swap('asked')} questions whose answers the graphs turn around.`,
      ...(several ? [severalVerdict(several.rows)] : []),
      `- **Prose: not shown.** A pack of a text needs a model that looks facts up in it. In short trials, which are not part of this record, three readers of two layers × 64 did not learn to, neither from sentences (\`Ada is from Rome .\`) nor from bare pairs (\`Ada Rome .\`). It takes pretrained checkpoints, and a GPU to study with them.`,
    ].join('\n'),
    [
      '| graph | edges | positions of the pack | document | pack | untrained | zeros | nothing | swapped | own pack right | the twin’s: follows | stays |',
      '|---|---|---|---|---|---|---|---|---|---|---|---|',
      ...rows.map(line),
      line({
        ...all,
        twin: -1,
        right: Object.fromEntries(Object.keys(rows[0].right).map((name) => [name, right(name)])),
        swap: Object.fromEntries(Object.keys(rows[0].swap).map((name) => [name, swap(name)])),
      }).replace('all.0', 'all'),
    ].join('\n'),
    ...(several ? severalPart(several) : []),
    madeWithWords(made),
  ];
  writeFileSync(join(root, 'docs/results/knowledge-packs.md'), `${parts.join('\n\n')}\n`);
  writeNotices(root);
}

/** One question's graph, both, and what the packs keep of both documents. */
const keptOf = (rows) =>
  sum(rows.map(({ right }) => right.bothPacks)) / sum(rows.map(({ right }) => right.bothDocuments));

function severalVerdict(rows) {
  const held = sum(rows.map((row) => row.held));
  const right = (name) => percent(sum(rows.map((row) => row.right[name])), held);
  const kept = keptOf(rows);
  return `- **Several packs at once: ${kept >= 0.95 ? 'reached' : 'missed'}.** Behind two packs, of graphs without a common name, ${right('bothPacks')} of the questions about either are answered, ${percent(kept, 1)} of what both documents give (${right('bothDocuments')}); in the other order ${right('otherOrder')}, behind the right pack alone ${right('ownPack')}, behind the other alone ${right('otherPack')}.`;
}

function severalPart({ made, steps, rows }) {
  const line = ({ seed, graph, spans, positions, held, right }) =>
    `| ${seed}.${graph} | ${spans.join(' + ')} | ${positions.join(' + ')} | ${['ownDocument', 'ownPack', 'bothDocuments', 'bothPacks', 'otherOrder', 'otherPack'].map((name) => percent(right[name], held)).join(' | ')} |`;
  return [
    '## Two packs at once',
    `Two small graphs, each condensed by itself (${steps} steps, ${Math.min(...rows.map((row) => row.studied))} to ${Math.max(...rows.map((row) => row.studied))} questions), then both packs together; ${rows[0].held} other questions about each graph.`,
    [
      '| asked about | edges | positions of the packs | own document | own pack | both documents | both packs | in the other order | other pack alone |',
      '|---|---|---|---|---|---|---|---|---|',
      ...rows.map(line),
    ].join('\n'),
    madeWithWords(made).replace('Made on', 'Two packs at once: made on'),
  ];
}
