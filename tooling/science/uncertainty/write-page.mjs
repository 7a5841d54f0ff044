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
  const { made, rows, audits, frontier, readers, chains, auditQuestions } = JSON.parse(readFileSync(file, 'utf8'));
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
    ...latent.flatMap((method) => [
      [`\`${method}\`: reader of the state in which it answers, after its thoughts`, method, by('choice')],
      [`\`${method}\`: the model itself there`, method, by('model')],
    ]),
    ['`cot`: reader of the state in which it answers, after its written chain', 'cot', by('choice')],
    ['`cot`: the model itself there', 'cot', by('model')],
    ['`cot`: the answer as written', 'cot', by('written')],
    ['`no-cot`: reader of the state in which it answers, at once', 'no-cot', by('choice')],
    ['`no-cot`: the model itself there', 'no-cot', by('model')],
    ...controls,
  ]);
  const coveredTable = table('covered', [
    ...thoughtLines,
    ['`cot`: reader of the state in which its chain chooses the colour', 'cot', by('choice')],
    ['`cot`: the model itself there', 'cot', by('model')],
    ['`cot`: the colour as written', 'cot', by('written')],
    [`\`cot\`: how often ${chains} sampled chains name it`, 'cot', by('chains')],
    ...controls,
  ]);

  const [example] = rows;
  const mean = (method, label, pick, key) =>
    average(readings(method, label, pick).map((reading) => reading[key].value));
  /** Whether a method knows more of the answer than how often each is drawn: being calibrated is nothing otherwise. */
  const knows = (method) =>
    mean(method, 'answer', by('model'), 'totalVariation') <
    0.8 * mean(method, 'answer', by('constant'), 'totalVariation');
  const held = latent.filter(knows).flatMap((method) =>
    [
      [`\`${method}\`, the covered cell read from thought 2`, 'covered', thought('step_2')],
      [`\`${method}\`, the answer read from thought 3`, 'answer', thought('step_3')],
      [`\`${method}\`, the answer as the model itself says it`, 'answer', by('model')],
    ]
      .filter(([, label, pick]) => readings(method, label, pick).length > 0)
      .map(([what, label, pick]) => [what, mean(method, label, pick, 'calibrationError')]),
  );
  const met = held.filter(([, value]) => value <= target);
  const missed = held.filter(([, value]) => value > target);
  const told = (list) => list.map(([what, value]) => `${what} ${percent(value)}`).join('; ');
  const unlearned = latent
    .filter((method) => !knows(method))
    .map(
      (method) =>
        `\`${method}\` did not learn the task in these steps (the model itself is ${percent(mean(method, 'answer', by('model'), 'totalVariation'))} off, a constant ${percent(mean(method, 'answer', by('constant'), 'totalVariation'))}): its rows tell nothing of what thoughts can hold, and its calibration error is that of one who knows little.`,
    );

  /** Total variations of two readers, seed by seed. */
  const pair = (label, one, other) =>
    [one, other].map(([method, pick]) =>
      readings(method, label, pick).map(({ totalVariation }) => totalVariation.value),
    );
  /** Whether the first of two readers is nearer to the truth by total variation: only where all seeds agree. */
  const nearer = (label, one, other) => {
    const [left, right] = pair(label, one, other);
    const differences = left.map((value, seed) => value - right[seed]);
    if (differences.every((value) => value < 0)) return 'yes';
    return differences.every((value) => value > 0) ? 'no' : 'cannot tell';
  };
  const compare = (label, one, other) => {
    const words = pair(label, one, other)
      .map((values) => percent(average(values)))
      .join(' off against ');
    return {
      yes: `nearer to the truth (${words}, with every seed)`,
      no: `farther from the truth (${words}, with every seed)`,
      'cannot tell': `neither nearer to the truth nor farther from it with every seed (${words})`,
    }[nearer(label, one, other)];
  };
  const after = ['sim-cot', by('model')];
  const thoughtTwo = ['sim-cot', thought('step_2')];
  const statement = `**Do thoughts hold uncertainty better than words?** Than one chain that has been written: **${nearer('answer', after, ['cot', by('model')])}**. Than the state from which words are about to be chosen: **${nearer('covered', thoughtTwo, ['cot', by('choice')])}**. Than ${chains} chains that are sampled: **${nearer('covered', thoughtTwo, ['cot', by('chains')])}**.`;
  const comparisons = [
    `Against one written chain: after its thoughts \`sim-cot\` is ${compare('answer', after, ['cot', by('model')])} than \`cot\` after the colour that its chain chose, and a reader of the state in which it answers ${compare('answer', ['sim-cot', by('choice')], ['cot', by('choice')])} than the same kind of reader of \`cot\`'s. Once written, a choice is all that the answer is made of.`,
    `Against words that have not chosen yet: a reader of \`sim-cot\`'s second thought is ${compare('covered', thoughtTwo, ['cot', by('choice')])} than the same kind of reader of the state in which \`cot\` chooses the colour, and ${compare('covered', thoughtTwo, ['cot', by('model')])} than what \`cot\` itself makes of that state. What chooses a word is a hidden state too.`,
    `Against ${chains} sampled chains: a reader of \`sim-cot\`'s second thought is ${compare('covered', thoughtTwo, ['cot', by('chains')])} than how often ${chains} chains name each colour, of which a part is the noise of ${chains} draws.`,
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
    `Four methods train the same model (GPT-2, 2 layers × 64, 1,050 steps of 32 examples, \`tooling/science/uncertainty/*.yaml\`): \`sim-cot\` and \`coconut\` think a continuous thought a step, the answer seeing the last one alone (\`visibility: chain\`); \`cot\` writes the chain; \`no-cot\` answers at once. Readers are multinomial logistic regressions on states, trained on ${readers.toLocaleString('en')} questions that no model was trained on, by the colours that were drawn. All is measured on ${example.testCount.toLocaleString('en')} other questions (mean entropy of the truth ${example.entropy.toFixed(2)} nats); mean ± standard deviation over seeds ${[...new Set(rows.map(({ seed }) => seed))].join(', ')}. Standard errors of each number are in the JSON.`,
    'KL(true ‖ read) with 1 % of what was read spread evenly, without which a point mass would be infinitely far; total variation, the largest difference in the probability of anything; calibration error of the likeliest colour, 15 bins, against its true probability. A reader who always says how often colours are drawn is calibrated and knows nothing.',
    '## Verdict',
    `Calibration error of at most ${percent(target)} from thoughts: ${missed.length === 0 ? '**met**' : met.length === 0 ? '**missed**' : '**met in part**'}. ${met.length > 0 ? `Within it: ${told(met)}. ` : ''}${missed.length > 0 ? `Beyond it: ${told(missed)}.` : ''}`.trim(),
    statement,
    [...comparisons, ...unlearned].map((one) => `- ${one}`).join('\n'),
    '## The answer',
    answerTable,
    '## The covered cell',
    coveredTable,
    '## Are the thoughts used?',
    `\`subtext eval audit\` on ${auditQuestions} of the questions.`,
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
