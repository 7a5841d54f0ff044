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
  const { made, seeds, rows, audits, frontier, readers, chains, auditQuestions } = JSON.parse(
    readFileSync(file, 'utf8'),
  );
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

  const thoughtLines = ({ latent, thoughts }) =>
    thoughts.map(([pick, what]) => [`\`${latent.name}\`: reader of ${what}`, latent.method, pick]);
  const controls = ({ latent, thoughts }) => [
    [`the question’s last position, before any thought (\`${latent.name}\`)`, latent.method, named('last')],
    [`the question’s mean, before any thought (\`${latent.name}\`)`, latent.method, named('mean')],
    [`${thoughts.at(-1)[1]}, labels shuffled (\`${latent.name}\`)`, latent.method, by('shuffled')],
    ['how often each colour is drawn', latent.method, by('constant')],
  ];
  const answerTable = (set) =>
    table('answer', [
      ...thoughtLines(set),
      [
        `\`${set.latent.name}\`: reader of the state in which it answers, after its thoughts`,
        set.latent.method,
        by('choice'),
      ],
      [`\`${set.latent.name}\`: the model itself there`, set.latent.method, by('model')],
      ['`cot`: reader of the state in which it answers, after its written chain', set.cot, by('choice')],
      ['`cot`: the model itself there', set.cot, by('model')],
      ['`cot`: the answer as written', set.cot, by('written')],
      ...controls(set),
    ]);
  const coveredTable = (set) =>
    table('covered', [
      ...thoughtLines(set),
      ['`cot`: reader of the state in which its chain chooses the colour', set.cot, by('choice')],
      ['`cot`: the model itself there', set.cot, by('model')],
      ['`cot`: the colour as written', set.cot, by('written')],
      [`\`cot\`: how often ${chains} sampled chains name it`, set.cot, by('chains')],
      ...controls(set),
    ]);

  const mean = (method, label, pick, key) =>
    average(readings(method, label, pick).map((reading) => reading[key].value));
  const verdictOf = ({ latent, coveredThought, answerThought }) => {
    const held = [
      [`the covered cell read from ${coveredThought[1]}`, 'covered', coveredThought[0]],
      [`the answer read from ${answerThought[1]}`, 'answer', answerThought[0]],
      ['the answer as the model itself says it', 'answer', by('model')],
    ].map(([what, label, pick]) => [what, mean(latent.method, label, pick, 'calibrationError')]);
    const missed = held.filter(([, value]) => value > target);
    const verdict = missed.length === 0 ? 'met' : missed.length < held.length ? 'met in part' : 'missed';
    return `**${verdict}** (${held.map(([what, value]) => `${what} ${percent(value)}`).join('; ')})`;
  };

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
  const compared = (set) => {
    const { latent, cot, coveredThought } = set;
    const after = [latent.method, by('model')];
    const covered = [latent.method, coveredThought[0]];
    return [
      `**Do thoughts hold uncertainty better than words?** Than one chain that has been written: **${nearer('answer', after, [cot, by('model')])}**. Than the state from which words are about to be chosen: **${nearer('covered', covered, [cot, by('choice')])}**. Than ${chains} chains that are sampled: **${nearer('covered', covered, [cot, by('chains')])}**.`,
      [
        `Against one written chain: after its thoughts \`${latent.name}\` is ${compare('answer', after, [cot, by('model')])} than \`cot\` after the colour that its chain chose, and a reader of the state in which it answers ${compare('answer', [latent.method, by('choice')], [cot, by('choice')])} than the same kind of reader of \`cot\`'s. Once written, a choice is all that the answer is made of.`,
        `Against words that have not chosen yet: a reader of ${coveredThought[1]} is ${compare('covered', covered, [cot, by('choice')])} than the same kind of reader of the state in which \`cot\` chooses the colour, and ${compare('covered', covered, [cot, by('model')])} than what \`cot\` itself makes of that state. What chooses a word is a hidden state too.`,
        `Against ${chains} sampled chains: a reader of ${coveredThought[1]} is ${compare('covered', covered, [cot, by('chains')])} than how often ${chains} chains name each colour, of which a part is the noise of ${chains} draws.`,
      ]
        .map((one) => `- ${one}`)
        .join('\n'),
    ];
  };
  const step = (count) => [thought(`step_${count}`), `thought ${count}`];
  const stage = (name, what) => [thought(name), what];
  const cells = {
    ...{ latent: { method: 'sim-cot', name: 'sim-cot' }, cot: 'cot' },
    ...{ thoughts: [1, 2, 3].map(step), coveredThought: step(2), answerThought: step(3) },
  };
  const scenes = {
    ...{ latent: { method: 'scenes-heima', name: 'heima' }, cot: 'scenes-cot' },
    thoughts: [
      stage('left', 'the thought of what is left'),
      stage('covered', 'the thought of the covered cell'),
      stage('after', 'the thought of what comes after it'),
    ],
    coveredThought: stage('covered', 'the thought of the covered cell'),
    answerThought: stage('after', 'the thought of what comes after it'),
  };
  const about = (method) => rows.find((row) => row.method === method);
  const facts = (method) =>
    `${about(method).testCount.toLocaleString('en')} other questions (mean entropy of the truth ${about(method).entropy.toFixed(2)} nats)`;

  const auditTable = [
    '| model | seed | are the thoughts used? | accuracy that depends on them | swapped: the answer follows |',
    '|---|---:|---|---:|---:|',
    ...audits.map(({ method, seed, verdict, certain, dependence, follows }) =>
      [
        `| ${method.replace('scenes-', '')} | ${seed}`,
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
    `Made by \`node tooling/science/uncertainty.mjs${seeds.join() === '1,2,3' ? '' : ` --seeds ${seeds.join()}`}\`.`,
    'Do thoughts hold uncertainty better than words? Asked of two sets in which something cannot be known and the true distribution is. Chain and answer are drawn from what is possible, so that a model that learns to predict them has to learn how likely each is; the distribution itself is never shown.',
    [
      '- **Rows** of eight cells in four colours, of which two to six are covered (`subtext data generate covered-cells`): `cards red red green blue row ? _ red _ turn +1`. What is left for the covered cells is told by what lies open; which colour one of them has is not. The question asks which colour comes one, two or three places after it. `sim-cot` thinks a continuous thought a step (what is left, the cell’s colour, the one after it), the answer seeing the last one alone (`visibility: chain`); `cot` writes the chain. GPT-2, 2 layers × 64, 1,050 steps of 32 examples.',
      `- **Pictures** of four squares of which one is under a grey cover (\`covered-scenes\`): the question tells all cards, the picture shows three of them, and of those left, up to five, one is covered. \`heima\` thinks a thinking token for each cell that it sees, and one each for what is left, the covered colour and the one after it; each of these is made of the stage before, and the answer of the last one alone. \`cot\` writes the same stages. A vision transformer of one layer and a Llama of three, 64 wide, 640 steps of 32 examples.`,
    ].join('\n'),
    `Configurations: \`tooling/science/uncertainty/*.yaml\`. Readers are networks with one hidden layer of ${rows[0].units} units on states, trained by the colours that were drawn in ${readers.toLocaleString('en')} questions that no model was trained on, the same for thoughts and for words. All is measured on ${facts('sim-cot')} of rows and ${facts('scenes-heima')} of pictures; mean ± standard deviation over seeds ${seeds.join(', ')}. Standard errors of each number are in the JSON.`,
    'KL(true ‖ read) with 1 % of what was read spread evenly, without which a point mass would be infinitely far; total variation, the largest difference in the probability of anything; calibration error of the likeliest colour, 15 bins, against its true probability. A reader who always says how often colours are drawn is calibrated and knows nothing.',
    '## Verdict',
    `Calibration error of at most ${percent(target)} from thoughts: rows ${verdictOf(cells)}; pictures ${verdictOf(scenes)}.`,
    '### Rows',
    ...compared(cells),
    '### Pictures',
    ...compared(scenes),
    '## Rows: the answer',
    answerTable(cells),
    '## Rows: the covered cell',
    coveredTable(cells),
    '## Pictures: the answer',
    answerTable(scenes),
    '## Pictures: the covered cell',
    coveredTable(scenes),
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
