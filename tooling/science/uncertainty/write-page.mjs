import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { madeWithWords } from '../../results/made-with.mjs';
import { writeNotices } from '../../results/notices.mjs';

/** The calibration error that thoughts are to stay within. */
const target = 0.05;
const percent = (value) => `${(100 * value).toFixed(1)} %`;
const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean and standard deviation over seeds. */
function overSeeds(values, words) {
  const mean = average(values);
  const deviation = Math.sqrt(
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1),
  );
  return `${words(mean)} ± ${words(deviation)}`;
}

/** Writes docs/results/uncertainty.md from its JSON. */
export function writePage({ root, file }) {
  const { made, rows, audits, frontier, readers, chains, audited } = JSON.parse(readFileSync(file, 'utf8'));
  /** By seed, what one reader got; `pick` chooses it among a method's readings. */
  const readings = (method, label, pick) =>
    rows
      .filter((row) => row.method === method && row.label === label)
      .map(({ readings: all }) => all.find(pick))
      .filter((found) => found !== undefined);
  const by = (source) => (reading) => reading.source === source;
  const thought = (stage) => (reading) => reading.source === 'thought' && reading.stage === stage;
  const named = (part) => (reading) => reading.source === 'question' && reading.name.startsWith(part);

  const line = (label, [what, method, pick]) => {
    const found = readings(method, label, pick);
    const numbers = (key) => found.map((reading) => reading[key].value);
    return [
      `| ${what}`,
      overSeeds(numbers('divergence'), (value) => value.toFixed(3)),
      overSeeds(numbers('totalVariation'), percent),
      `${overSeeds(numbers('calibrationError'), percent)} |`,
    ].join(' | ');
  };
  const table = (label, lines) =>
    [
      '| read from | KL, nats | total variation | calibration error |',
      '|---|---:|---:|---:|',
      ...lines.filter(([, method, pick]) => readings(method, label, pick).length > 0).map((one) => line(label, one)),
    ].join('\n');

  const latent = ['sim-cot', 'coconut'];
  const stages = ['step_1', 'step_2', 'step_3'];
  const thoughtLines = latent.flatMap((method) =>
    stages.map((stage, index) => [`\`${method}\`: reader of thought ${index + 1}`, method, thought(stage)]),
  );
  const controls = [
    ['the question’s last position, before any thought (`sim-cot`)', 'sim-cot', named('last')],
    ['the question’s mean, before any thought (`sim-cot`)', 'sim-cot', named('mean')],
    ['thought 3, labels shuffled (`sim-cot`)', 'sim-cot', by('shuffled')],
    ['how often each colour is drawn', 'sim-cot', by('constant')],
  ];
  const answerTable = table('answer', [
    ...thoughtLines,
    ...latent.map((method) => [
      `\`${method}\`: the model itself, at the answer after its thoughts`,
      method,
      by('model'),
    ]),
    ['`cot`: the model itself, at the answer after its written chain', 'cot', by('model')],
    ['`cot`: the answer as written', 'cot', by('written')],
    [`\`cot\`: how often ${chains} sampled chains answer it`, 'cot', by('chains')],
    ['`no-cot`: the model itself, at the answer at once', 'no-cot', by('model')],
    ...controls,
  ]);
  const coveredTable = table('covered', [
    ...thoughtLines,
    ['`cot`: the model itself in its chain, before it names the colour', 'cot', by('model')],
    ['`cot`: the colour as written', 'cot', by('written')],
    [`\`cot\`: how often ${chains} sampled chains name it`, 'cot', by('chains')],
    ...controls,
  ]);

  const [example] = rows;
  const error = (method, label, pick) =>
    average(readings(method, label, pick).map(({ calibrationError }) => calibrationError.value));
  const held = latent.flatMap((method) => [
    [`\`${method}\`, the covered cell read from thought 2`, error(method, 'covered', thought('step_2'))],
    [`\`${method}\`, the answer read from thought 3`, error(method, 'answer', thought('step_3'))],
    [`\`${method}\`, the model itself at the answer`, error(method, 'answer', by('model'))],
  ]);
  const met = held.filter(([, value]) => value <= target);
  const missed = held.filter(([, value]) => value > target);
  const told = (list) => list.map(([what, value]) => `${what} ${percent(value)}`).join('; ');

  /** Which of two readers is nearer to the truth by total variation, where all seeds agree. */
  const compare = (label, one, other) => {
    const [left, right] = [one, other].map(([method, pick]) =>
      readings(method, label, pick).map(({ totalVariation }) => totalVariation.value),
    );
    const differences = left.map((value, seed) => value - right[seed]);
    const words = `${percent(average(left))} off against ${percent(average(right))}`;
    if (differences.every((value) => value < 0)) return `nearer to the truth (${words}, with every seed)`;
    if (differences.every((value) => value > 0)) return `farther from the truth (${words}, with every seed)`;
    return `neither nearer nor farther (${words}; seeds differ)`;
  };
  const after = ['sim-cot', by('model')];
  const comparisons = [
    `Against one written chain: after its thoughts \`sim-cot\` is ${compare('answer', after, ['cot', by('model')])} than \`cot\` after the colour that its chain chose. Once written, a choice is all that the answer is made of.`,
    `Against words that have not chosen yet: a reader of \`sim-cot\`'s second thought is ${compare('covered', ['sim-cot', thought('step_2')], ['cot', by('model')])} than \`cot\` itself just before it names the colour. What chooses the word is a hidden state too.`,
    `Against ${chains} sampled chains: \`sim-cot\` after its thoughts, once, is ${compare('answer', after, ['cot', by('chains')])} than the frequency of ${chains} answers, of which some is the noise of ${chains} draws.`,
    `Against no chain at all: \`sim-cot\` is ${compare('answer', after, ['no-cot', by('model')])} than \`no-cot\`, which answers at once.`,
  ];

  const auditTable = [
    '| model | seed | are the thoughts used? | accuracy that depends on them | swapped: the answer follows |',
    '|---|---:|---|---:|---:|',
    ...audits.map(({ method, seed, verdict, certain, dependence, follows }) =>
      [
        `| ${method} | ${seed}`,
        `${verdict}${certain ? '' : ' (not certain)'}`,
        dependence ? percent(dependence.value) : '–',
        `${follows ? percent(follows.value) : '–'} |`,
      ].join(' | '),
    ),
  ].join('\n');
  const measured = ({ value, standardError }, words) => `${words(value)} ± ${words(standardError)}`;
  const frontierTable = [
    '| thought | weight on the frontier | such nodes among all | KL, nats | total variation | calibration error | questions |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...frontier.thoughts.map(({ thought: place, mass, share, divergence, totalVariation, calibrationError, count }) =>
      [
        `| ${place}`,
        ...[mass, share].map((one) => measured(one, percent)),
        measured(divergence, (value) => value.toFixed(3)),
        ...[totalVariation, calibrationError].map((one) => measured(one, percent)),
        `${count} |`,
      ].join(' | '),
    ),
  ].join('\n');

  const parts = [
    '# What cannot be known, in thoughts and in words',
    '<!-- made -->\n<!-- /made -->',
    'Made by `node tooling/science/uncertainty.mjs`.',
    'Do thoughts hold uncertainty better than words? Rows of eight cells in four colours, of which two to six are covered (`subtext data generate covered-cells`): `cards red red green blue row ? _ red _ turn +1`. What is left for the covered cells is told by what lies open; which colour one of them has is not. The question asks which colour comes one, two or three places after it. Chain (what is left, the cell’s colour, the one after it) and answer are drawn from what is possible, so that a model that learns to predict them has to learn how likely each is; the true distribution is known and never shown.',
    `Four methods train the same model (GPT-2, 2 layers × 64, 1,050 steps of 32 examples, \`tooling/science/uncertainty/*.yaml\`): \`sim-cot\` and \`coconut\` think a continuous thought a step, the answer seeing the last one alone (\`visibility: chain\`); \`cot\` writes the chain; \`no-cot\` answers at once. Readers are multinomial logistic regressions on states, trained on ${readers} questions that no model was trained on, by the colours that were drawn. All is measured on ${example.testCount} other questions (mean entropy of the truth ${example.entropy.toFixed(2)} nats); mean ± standard deviation over seeds ${[...new Set(rows.map(({ seed }) => seed))].join(', ')}. Standard errors of each number are in the JSON.`,
    'KL(true ‖ read) with 1 % of what was read spread evenly, without which a point mass would be infinitely far; total variation, the largest difference in the probability of anything; calibration error of the likeliest colour, 15 bins, against its true probability. A reader who always says how often colours are drawn is calibrated and knows nothing.',
    '## Verdict',
    `Calibration error of at most ${percent(target)} from thoughts: ${missed.length === 0 ? '**met**' : met.length === 0 ? '**missed**' : '**met in part**'}. ${met.length > 0 ? `Within it: ${told(met)}. ` : ''}${missed.length > 0 ? `Beyond it: ${told(missed)}.` : ''}`.trim(),
    comparisons.map((one) => `- ${one}`).join('\n'),
    '## The answer',
    answerTable,
    '## The covered cell',
    coveredTable,
    '## Are the thoughts used?',
    `\`subtext eval audit\` on ${audited} of the questions.`,
    auditTable,
    '## The frontier of a graph',
    `The committed graph reasoner (\`docs/results/checkpoints/graphs\`) was trained to weigh, at its k-th thought, every node that k edges lead to from the root alike (\`supervision: walks\`). Its own probabilities of the nodes at each thought, on ${frontier.count} new graphs (${percent(frontier.accuracy)} answered right), against that; ± standard errors.`,
    frontierTable,
    ...notes(root),
    madeWithWords(made),
  ];
  writeFileSync(join(root, 'docs/results/uncertainty.md'), `${parts.join('\n\n')}\n`);
  writeNotices(root);
}

function notes(root) {
  try {
    return [readFileSync(join(root, 'docs/results/uncertainty-notes.md'), 'utf8').trim()];
  } catch {
    return [];
  }
}
