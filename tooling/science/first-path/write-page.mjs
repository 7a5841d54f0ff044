import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';

import { madeWithWords } from '../../results/made-with.mjs';
import { readJson } from './programs.mjs';

const table = (head, rows) =>
  [
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  ].join('\n');
const percent = (value) => (value === undefined || value === null ? '–' : (100 * value).toFixed(1));
const seconds = (value) => (value === undefined ? '–' : value.toFixed(value < 100 ? 1 : 0));
const or = (value) => (value === undefined || value === null ? '–' : String(value));

/** What `subtext-eval audit` says of the thoughts. */
function verdict({ audit }) {
  if (!audit) return '–';
  const words = audit.certain || audit.verdict === 'cannot tell' ? audit.verdict : `${audit.verdict} (not certain)`;
  return audit.another === null ? words : `${words}: ${percent(audit.accuracy)} → ${percent(audit.another)}`;
}

const measured = (row) =>
  row.fault
    ? [`fault: ${row.fault.split('\n')[0].replaceAll('|', '\\|').slice(0, 160)}`, '–', '–', '–']
    : [row.loss.toFixed(4), seconds(row.seconds), seconds(row.processorSeconds), or(row.peakMegabytes)];

function learntTable(rows) {
  return table(
    [
      'method',
      'tuning',
      'accuracy %',
      'loss',
      'seconds',
      'processor seconds',
      'memory (MB)',
      'thoughts',
      'with words',
      'thoughts used? (own → another question’s)',
    ],
    rows.map((row) => [
      row.method,
      row.tuning,
      percent(row.accuracy),
      ...measured(row),
      or(row.thoughts),
      or(row.explained),
      verdict(row),
    ]),
  );
}

/** Rows of an adapter with trained token rows beside those of full training, where it falls more than 3 points behind. */
function behind(rows) {
  return rows
    .filter(({ tuning }) => tuning === 'LoRA, rows')
    .map((row) => {
      const full = rows.find(({ method, tuning }) => method === row.method && tuning === 'full');
      return { method: row.method, points: 100 * ((full?.accuracy ?? NaN) - (row.accuracy ?? NaN)) };
    });
}

function behindWords(rows) {
  const all = behind(rows);
  const far = all.filter(({ points }) => !(points <= 3));
  const list = all
    .map(({ method, points }) => `${method} ${points <= 0 ? `+${(-points).toFixed(1)}` : `−${points.toFixed(1)}`}`)
    .join(', ');
  return `An adapter with trained token rows against full training, in points of accuracy: ${list}. ${far.length === 0 ? 'Each is within 3 points of it, or above.' : `${far.map(({ method }) => method).join(' and ')} ${far.length === 1 ? 'falls' : 'fall'} more than 3 points behind.`}`;
}

function settingsSection({ settings }) {
  if (!settings) return '';
  return `
## How the settings were chosen

By \`node tooling/science/first-path/compare-settings.mjs\`, on ${settings.questions} further questions that stand neither in the training set nor among those above; the numbers are in \`first-path-settings.json\`. ${madeWithWords(settings.made)}

${table(
  [
    'method',
    'tuning',
    'steps of a hiding phase',
    'learning rate',
    'rank',
    'α',
    'tokens',
    'accuracy %',
    'loss',
    'processor seconds',
  ],
  settings.runs.map((run) => [
    run.method,
    run.tuning,
    String(run.steps),
    String(run.learningRate),
    or(run.rank),
    or(run.alpha),
    or(run.tokens),
    percent(run.accuracy),
    run.loss.toFixed(4),
    seconds(run.processorSeconds),
  ]),
)}
`;
}

/** Writes the page of `first-path.mjs` from its numbers, those of `compare-settings.mjs`, and the notes beside it. */
export async function writePage({ result, output }) {
  const { made, data, rows, tunings, transformersAndPeft: python, processes, loads } = result;
  const learnt = [...new Set(rows.filter(({ learns }) => learns).map(({ folder }) => folder))];
  const miniatures = rows.filter(({ learns }) => !learns);
  const faults = rows.filter(({ fault }) => fault).length;
  const settingsPath = `${output}-settings.json`;
  const settings = existsSync(settingsPath) ? await readJson(settingsPath) : undefined;
  const notesPath = `${output}-notes.md`;
  const page = `# The first path

<!-- made -->
<!-- /made -->

From the folder of a Hugging Face checkpoint to a model that thinks, by the built commands: \`subtext train\`, \`subtext think --explain\`, \`subtext-eval run\`, \`subtext-eval audit\`, then transformers and PEFT. Made by \`node tooling/science/first-path.mjs\`; the numbers are in \`first-path.json\`. ${madeWithWords(made)}

Tunings: ${Object.entries(tunings)
    .map(
      ([name, { learningRate, lora }]) =>
        `**${name}** (learning rate ${learningRate}${lora ? `, rank ${lora.rank}, α ${lora.alpha}, \`model.lora.tokens: ${lora.tokens}\`` : ''})`,
    )
    .join(
      '; ',
    )}. Engine wasm, one thread a run, ${processes} at a time on a machine that did other work (load ${loads.map((load) => load.toFixed(1)).join(' → ')}): processor seconds are the better guide. Memory is the most that the training process held. Rows: ${rows.length}, of which ${faults} failed.
${learnt
  .map((folder) => {
    const own = rows.filter((row) => row.folder === folder);
    return `
## ${folder}

${data.training} questions to learn, ${data.held} others to answer: ${data.question}, as \`${data.example.question}\` with the steps ${data.example.steps.map((step) => `\`${step}\``).join(' and ')}. The commonest answer is right in ${percent(data.commonestAnswer)} %.

${learntTable(own)}

${behindWords(own)} An adapter alone cannot make a token mean anything that the checkpoint never saw, here the end of a text among them: no answer ends.

*Thoughts used?* is the verdict of \`subtext-eval audit\` over ${own.find(({ audit }) => audit)?.audit.questions ?? '–'} questions: accuracy with a question’s own thoughts, and with another’s.
`;
  })
  .join('')}${settingsSection({ settings })}
## Published checkpoints in miniature

Their keys, tokenizers of their kind, random weights; two steps of each phase.

${table(
  ['folder', 'method', 'tuning', 'loss', 'seconds', 'processor seconds', 'memory (MB)', 'thoughts with words'],
  miniatures.map((row) => [row.folder, row.method, row.tuning, ...measured(row), or(row.explained)]),
)}

## transformers and PEFT

${
  python
    ? `\`tooling/parity/check_reasoners.py\` loads the ${python.folders} folders: transformers, without a weight missing or left over, against \`subtext forward\`; and each adapter by AutoPeftModelForCausalLM and by PeftModel on the resized base, against the merged folder. ${python.checks} comparisons of logits, ${python.bad.length} of them bad; the largest difference is ${python.largestDifference.toExponential(1)}.${python.bad.map((line) => `\n- ${line}`).join('')}`
    : 'Not loaded: no Python was named.'
}
`;
  const notes = existsSync(notesPath) ? `\n${await readFile(notesPath, 'utf8')}` : '';
  await writeFile(`${output}.md`, page + notes);
}
