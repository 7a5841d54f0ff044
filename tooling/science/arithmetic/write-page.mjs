import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';

import { meanAndDeviation } from '../../../packages/core/dist/index.js';
import {
  chartSection,
  holmCorrection,
  mcnemarTest,
  renderReport,
  tableSection,
} from '../../../packages/eval/dist/index.js';
import { madeWith } from '../../results/made-with.mjs';

/** Each latent method against what it has to beat. */
const pairs = [
  ['coconut', 'coconut-pause'],
  ['coconut', 'no-cot'],
  ['coconut', 'cot'],
  ['coconut', 'coconut-no-thought'],
  ['coconut', 'coconut-no-curriculum'],
  ['coconut-pause', 'no-cot'],
  ['sim-cot', 'coconut'],
  ['codi', 'coconut'],
  ['codi', 'no-cot'],
  ['adaptive', 'coconut'],
  ['adaptive-after-sim-cot', 'sim-cot'],
  ['sim-cot', 'cot'],
  ['heima', 'no-cot'],
  ['icot', 'no-cot'],
  ['pause', 'no-cot'],
];
const descriptions = {
  'no-cot': 'the answer at once',
  cot: 'every step in words, then the answer',
  coconut: 'four continuous thoughts, one step more hidden each phase',
  'coconut-pause': 'the same curriculum, pauses in place of thoughts',
  'coconut-no-thought': 'the same curriculum, nothing in place of hidden steps',
  'coconut-no-curriculum': 'four continuous thoughts from the start, no step ever in words',
  'sim-cot': 'Coconut, each thought supervised by the words of its step',
  codi: "four continuous thoughts, taught by the model's own written chain",
  adaptive: 'Coconut that decides how long to think, a thought costing 0.05 nats',
  'adaptive-after-sim-cot':
    "the last phases of `adaptive` on `sim-cot`'s models: 780 steps more, of 8 examples laid out five times",
  heima: 'a thinking token a step, written by the model',
  icot: 'the chain taken away from its front, nothing in its place',
  pause: 'four pauses, the chain never seen',
};

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const bits = ({ correct }) => [...correct].map((bit) => bit === '1');
const accuracy = (one) => mean(bits(one).map(Number));
const spread = (values, { scale = 100, digits = 1, unit = ' %' } = {}) => {
  if (values.length === 0 || values.some((value) => value === undefined || value === null)) return '–';
  if (values.length === 1) return `${(values[0] * scale).toFixed(digits)}${unit}`;
  const { mean: middle, deviation } = meanAndDeviation(values);
  return `${(middle * scale).toFixed(digits)} ± ${(deviation * scale).toFixed(digits)}${unit}`;
};
const plain = { scale: 1, digits: 1, unit: '' };
const markdown = (head, body) =>
  [
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...body.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n');
const shownP = (value) => (value < 0.0001 ? value.toExponential(1) : value.toFixed(4));

/** Writes the page, the numbers and the curves of the runs that were found; notes beside the page are appended to it. */
export async function writePage({ found, methods, seeds, seconds, data, output, configurations, asked }) {
  const of = (method) => found.filter((one) => one.method === method);
  const present = methods.filter((method) => of(method).length > 0);
  const lengths = Object.keys(found[0].accuracyByLength);

  const header = [
    'method',
    'seeds',
    'accuracy',
    ...lengths.map((length) => `${length} steps`),
    'generated tokens',
    'without tags',
    'thoughts',
    'passes',
  ];
  const rows = present.map((method) => [
    method,
    String(of(method).length),
    spread(of(method).map(accuracy)),
    ...lengths.map((length) => spread(of(method).map((one) => one.accuracyByLength[length]))),
    ...['generatedTokens', 'withoutTags', 'thoughts', 'passes'].map((key) =>
      spread(
        of(method).map((one) => one[key]),
        plain,
      ),
    ),
  ]);
  const milliseconds = (method, key) =>
    seconds[method] ? (seconds[method][key] * 1000).toFixed(key.startsWith('batched') ? 2 : 1) : '–';
  const timeHeader = [
    'method',
    'accuracy',
    'alone, ms',
    'alone, processor ms',
    'in batches, ms',
    'in batches, processor ms',
    'training seconds',
    'training processor seconds',
  ];
  const timeRows = present.map((method) => [
    method,
    spread(of(method).map(accuracy)),
    ...['alone', 'aloneProcessor', 'batched', 'batchedProcessor'].map((key) => milliseconds(method, key)),
    spread(
      of(method).map((one) => one.seconds),
      { ...plain, digits: 0 },
    ),
    spread(
      of(method).map((one) => one.processorSeconds),
      { ...plain, digits: 0 },
    ),
  ]);

  const tests = pairs.flatMap(([left, right]) =>
    of(left).flatMap((one) => {
      const other = of(right).find(({ seed }) => seed === one.seed);
      return other
        ? [
            {
              left,
              right,
              seed: one.seed,
              difference: accuracy(one) - accuracy(other),
              ...mcnemarTest({ left: bits(one), right: bits(other) }),
            },
          ]
        : [];
    }),
  );
  const adjusted = holmCorrection(tests.map(({ pValue }) => pValue));
  const testRows = tests.map(({ left, right, seed, onlyLeft, onlyRight, pValue, difference }, index) => [
    left,
    right,
    String(seed),
    `${difference > 0 ? '+' : ''}${(difference * 100).toFixed(1)}`,
    String(onlyLeft),
    String(onlyRight),
    shownP(pValue),
    shownP(adjusted[index]),
  ]);

  const effect = (one, kind, kept) =>
    one.audit?.interventions.find((other) => other.kind === kind && (kept === undefined || other.kept === kept))?.effect
      ?.accuracy.value;
  const auditedMethods = present.filter((method) => of(method).some(({ audit }) => audit));
  const auditRows = auditedMethods.map((method) => {
    const all = of(method).filter(({ audit }) => audit);
    return [
      method,
      String(all.length),
      spread(all.map(({ audit }) => audit.accuracy?.value ?? audit.accuracy)),
      spread(all.map((one) => effect(one, 'cut', 0))),
      spread(all.map((one) => effect(one, 'another'))),
      spread(all.map((one) => effect(one, 'permuted'))),
      spread(all.map((one) => effect(one, 'mean'))),
      all
        .map(({ audit }) => `${audit.verdict}${audit.certain || audit.verdict === 'cannot tell' ? '' : ' (uncertain)'}`)
        .join(', '),
    ];
  });

  const fewer = (method) => of(method).filter((one) => one.fewer);
  const decides = (method) => [
    [
      `${method}, decides itself`,
      String(of(method).length),
      spread(
        of(method).map(({ thoughts }) => thoughts),
        { ...plain, digits: 2 },
      ),
      spread(of(method).map(accuracy)),
      ...lengths.map(
        (length) =>
          `${spread(of(method).map((one) => one.accuracyByLength[length]))} in ${spread(
            of(method).map((one) => one.thoughtsByLength[length]),
            { ...plain, digits: 2 },
          )}`,
      ),
    ],
  ];
  const fixed = (method, name) =>
    (fewer(method)[0]?.fewer ?? []).map(({ thoughts }, index) => [
      `${name}, ${thoughts} for every question`,
      String(fewer(method).length),
      thoughts.toFixed(2),
      spread(fewer(method).map((one) => one.fewer[index].accuracy)),
      ...lengths.map((length) => spread(fewer(method).map((one) => one.fewer[index].accuracyByLength[length]))),
    ]);
  const thoughtRows = [
    ...['adaptive', 'adaptive-after-sim-cot'].flatMap((method) =>
      of(method).length > 0 ? [...decides(method), ...fixed(method, 'the same models')] : [],
    ),
    ...['coconut', 'sim-cot'].flatMap((method) => fixed(method, `${method}'s models`)),
  ];
  const phasesOf = (one) =>
    [...new Set(one.curve.map(({ phase }) => phase))].map((phase) => {
      const last = one.curve.filter((point) => point.phase === phase).slice(-3);
      return { phase, step: last.at(-1).step, loss: mean(last.map(({ loss }) => loss)) };
    });
  const phaseRows = present.map((method) => [
    method,
    phasesOf(of(method)[0])
      .map(
        ({ phase, step }, index) =>
          `${phase} to ${step}: ${spread(
            of(method).map((one) => phasesOf(one)[index]?.loss),
            { scale: 1, digits: 3, unit: '' },
          )}`,
      )
      .join('; '),
  ]);
  const runRows = found.map((one) => [
    one.method,
    String(one.seed),
    `${(accuracy(one) * 100).toFixed(1)} %`,
    String(one.questions - one.parseable),
    one.seconds.toFixed(0),
    one.processorSeconds.toFixed(0),
    one.loads ? one.loads.map((load) => load.toFixed(1)).join(' → ') : '–',
  ]);
  const configuration = (
    await Promise.all(
      ['coconut', 'curriculum', 'shared'].map((name) => readFile(join(configurations, `${name}.yaml`), 'utf8')),
    )
  )
    .map((text) => text.trim())
    .join('\n---\n');
  const { drawn } = data;
  const missing = methods.flatMap((method) =>
    seeds.filter((seed) => !of(method).some((one) => one.seed === seed)).map((seed) => `${method} ${seed}`),
  );

  const page = `# Arithmetic: accuracy against tokens and seconds

<!-- made -->
<!-- /made -->

Made by \`node tooling/science/arithmetic.mjs\`; the numbers are in \`arithmetic.json\`, the curves in \`arithmetic.html\`.

Questions are calculations modulo ${drawn.modulus} of ${drawn.steps.minimum} to ${drawn.steps.maximum} operations, done from left to right (\`generateModularArithmetic\` of \`@subtext/data\`): \`${data.example.question}\`, whose chain is \`${data.example.steps.join('`, `')}\` and whose answer is \`${data.example.answer}\`. Shorter questions are filled up with dots. ${drawn.train.toLocaleString('en')} are drawn to train on (${data.differentQuestions.toLocaleString('en')} different ones) and ${drawn.test} other, different ones to test on (seed ${drawn.seed}; no question stands in both sets, by hash: ${data.overlap}); the settings were chosen on other draws. The commonest answer is right in ${(data.commonestAnswer * 100).toFixed(1)} %.

Every method trains the same model (GPT-2, 2 layers × 64, ${'`'}tooling/science/arithmetic/*.yaml${'`'}) from random weights, with the same optimizer and data and for the same ${found[0].steps.toLocaleString('en')} steps of 32 examples, all phases together (\`adaptive\`: its last 200 steps are of 8 examples, each laid out five times; \`adaptive-after-sim-cot\`, a variation, goes on from a trained model). They differ in what stands between question and answer:

${present.map((method) => `- \`${method}\`: ${descriptions[method]}.`).join('\n')}
${missing.length > 0 ? `\nNot trained: ${missing.join(', ')}.\n` : ''}
## Accuracy and tokens

${markdown(header, rows)}

Mean ± standard deviation over seeds; on all ${found[0].questions} questions and by the number of operations. *Generated tokens* are what the product counts: everything written, with tags, the end, thinking tokens and continuous thoughts; pauses stand in the prompt and are no more counted than its words. *Without tags* leaves out the marks around steps and answers. *Thoughts* count pauses too. *Passes* are passes through the model, the prompt's among them.

## Accuracy and seconds

${markdown(timeHeader, timeRows)}

An answer alone (one question a batch, ${asked.alone} questions) and in batches of 64 (${asked.batch} questions): the median of three rounds in which the models of seed ${seeds[0]} take turns, by the wall's clock and by the processor's; engine wasm, ${cpus().length} × ${cpus()[0].model}. The machine did other work at the same time (load average ${seconds.load.toFixed(1)} at the end of the rounds), so that processor time is the better guide. Training seconds are those of a busy machine; processor seconds count all threads.

## Paired tests

McNemar's, over the same ${found[0].questions} questions, seed by seed: the difference of accuracies in points, the questions that only one of the two gets right, p, and p after Holm's correction for all ${tests.length} tests of the table.

${markdown(['left', 'right', 'seed', 'difference', 'only left', 'only right', 'p', 'p, corrected'], testRows)}

## Are the thoughts used?

${
  auditRows.length === 0
    ? 'Nothing was audited.'
    : `${markdown(['method', 'seeds', 'own thoughts', 'thoughts removed', "another question's", 'own, shuffled', 'the mean thought', 'verdicts'], auditRows)}

\`subtext-eval audit\` on the first ${asked.audit} questions: accuracy where what later positions see of the thoughts is replaced while everything else stays.`
}

## How many thoughts

${
  thoughtRows.length === 0
    ? 'Neither `adaptive` nor `coconut` was trained.'
    : `${markdown(['who decides', 'seeds', 'thoughts a question', 'accuracy', ...lengths.map((length) => `${length} steps`)], thoughtRows)}

\`adaptive\` stops where its halting head says so; *the same models* are asked with a fixed number, which they were trained to answer after. \`coconut\`'s were trained, at the end, with four only.`
}

## Phases

The loss at the end of each phase, the mean of the last three batches that were logged (± standard deviation over seeds). It is of all that a phase predicts: the more text is left, the lower. Interpreters, teachers and halting heads have losses of their own, which are left out.

${markdown(['method', 'phase, to step: loss'], phaseRows)}

## Runs

${markdown(['method', 'seed', 'accuracy', 'unreadable answers', 'seconds', 'processor seconds', 'load'], runRows)}

## Configuration

\`tooling/science/arithmetic/coconut.yaml\` and what it builds on; the others differ in \`method\` and in how the steps are dealt to phases.

\`\`\`yaml
${configuration}
\`\`\`
`;
  await mkdir(dirname(output), { recursive: true });
  const notes = `${output}-notes.md`;
  await writeFile(`${output}.md`, existsSync(notes) ? `${page}\n${await readFile(notes, 'utf8')}` : page);
  const runs = found.map(({ curve: _curve, audit, ...one }) => ({
    ...one,
    accuracy: accuracy(one),
    phases: phasesOf({ curve: _curve }),
    audit: audit && {
      verdict: audit.verdict,
      certain: audit.certain,
      evidence: audit.evidence,
      accuracy: audit.accuracy,
      dependence: audit.dependence,
      interventions: audit.interventions.map(({ name, kind, kept, count, effect: measured }) => ({
        name,
        kind,
        kept,
        count,
        accuracy: measured?.accuracy,
        pValue: measured?.pValue,
      })),
    },
  }));
  const { drawn: drawing, overlap, differentQuestions, byLength, commonestAnswer, example } = data;
  await writeFile(
    `${output}.json`,
    `${JSON.stringify({ made: madeWith(), data: { drawn: drawing, overlap, differentQuestions, byLength, commonestAnswer, example }, processor: `${cpus().length} × ${cpus()[0].model}`, seconds, tests: tests.map((test, index) => ({ ...test, corrected: adjusted[index] })), runs }, null, 1)}\n`,
  );
  const curves = present.flatMap((method) =>
    of(method)
      .slice(0, 1)
      .map((one) => ({
        name: `${method} ${one.seed}`,
        points: one.curve.map(({ step, loss }) => ({ x: step, y: loss })),
      })),
  );
  const staged = of('coconut')[0];
  const columns = (names) => names;
  await writeFile(
    `${output}.html`,
    renderReport({
      title: 'Arithmetic: accuracy against tokens and seconds',
      summary: `Calculations modulo ${drawn.modulus} by every method: what they cost and how they were learned.`,
      sections: [
        tableSection({
          title: 'Accuracy and tokens',
          caption: `On ${found[0].questions} held-out questions.`,
          columns: columns(header),
          rows,
        }),
        tableSection({
          title: 'Accuracy and seconds',
          caption: 'An answer alone and in batches; training.',
          columns: columns(timeHeader),
          rows: timeRows,
        }),
        chartSection({
          title: 'Accuracy against generated tokens',
          caption: 'A point a run; a line joins the seeds of a method.',
          xLabel: 'generated tokens an answer',
          yLabel: 'accuracy',
          yFormat: 'percent',
          yInclude: [0, 1],
          series: present.map((method) => ({
            name: method,
            points: of(method).map((one) => ({ x: one.generatedTokens, y: accuracy(one) })),
          })),
        }),
        chartSection({
          title: 'Loss while training',
          caption:
            'Of each phase on its own batches; the phases marked are those of `coconut`, which its controls and `sim-cot` share.',
          series: curves,
          xLabel: 'step',
          yLabel: 'loss',
          smoothingWindow: 3,
          ...(staged && {
            phases: phasesOf(staged).map(({ phase }, index, all) => ({
              label: phase,
              x: index === 0 ? 0 : all[index - 1].step,
            })),
          }),
        }),
      ],
      footer: `Made by tooling/science/arithmetic.mjs on ${cpus().length} × ${cpus()[0].model}.`,
    }),
  );
  return [`${output}.md`, `${output}.json`, `${output}.html`];
}
