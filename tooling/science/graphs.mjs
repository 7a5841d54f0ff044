/**
 * Trains and measures graph reasoners: continuous thoughts, pauses under the same curriculum, a written path, and none,
 * on generated graphs, asked the questions of a file of graphs that is kept out of training.
 *
 *   node tooling/science/graphs.mjs --data prosqa_test_graph_3_4.json [--methods coconut,pause,cot,no-cot] [--seeds 1,2,3]
 *     [--runs runs/graphs] [--output docs/results/graphs] [--workers 2] [--collect]
 *
 * Run after the workspace is built. Runs that are finished are not repeated; `--collect` trains nothing and writes down
 * what is finished. Several of these may work side by side on other methods or seeds, with `--workers 0` for a thread each:
 * the results do not depend on the number of workers.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { compareGraphs, generateProsQA, readProsQA } from '../../packages/data/dist/index.js';
import {
  chartSection,
  compareSeeds,
  findTask,
  loadTask,
  mcnemarTest,
  renderReport,
  superpositionSections,
  tableSection,
} from '../../packages/eval/dist/index.js';
import { meanAndDeviation } from '../../packages/core/dist/index.js';
import { measureSuperposition, nodeClasses } from '../../packages/decoder/dist/index.js';
import { useEngine } from '../../packages/tensor/dist/index.js';
import { Reasoner } from '../../packages/reasoner/dist/index.js';
import { madeWith } from '../results/made-with.mjs';
import { writeNotices } from '../results/notices.mjs';
import { tuneProcess } from '../../packages/core/dist/node.js';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');
const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    methods: { type: 'string', default: 'coconut,pause,cot,no-cot' },
    seeds: { type: 'string', default: '1,2,3' },
    runs: { type: 'string', default: 'runs/graphs' },
    output: { type: 'string', default: 'docs/results/graphs' },
    workers: { type: 'string' },
    collect: { type: 'boolean', default: false },
  },
});
if (!options.data) throw new Error('Name the file of held-out graphs with --data.');
const methods = options.methods.split(',');
const seeds = options.seeds.split(',').map(Number);
const audited = new Set(['coconut', 'pause']);

/** Runs a command of the workspace and waits for it; its words go to the terminal. */
function run(program, ...words) {
  return new Promise((settle, fail) => {
    const child = spawn(process.execPath, [join(root, program), ...words], { stdio: 'inherit', cwd: root });
    child.on('error', fail);
    child.on('exit', (code) =>
      code === 0 ? settle() : fail(new Error(`${program} ${words.join(' ')} ended with ${code}`)),
    );
  });
}

const readJson = async (path) => JSON.parse(await readFile(path, 'utf8'));

async function trainAndMeasure(method, seed) {
  const folder = join(options.runs, `${method}-${seed}`);
  const measured = join(folder, 'measured.json');
  if (existsSync(measured)) return;
  const began = { load: loadavg()[0], commit: madeWith().commit };
  await run(
    'apps/cli/bin/subtext.js',
    'train',
    join(here, 'graphs', `${method}.yaml`),
    `seed=${seed}`,
    `output=${folder}`,
    `data.heldOut=${JSON.stringify([options.data])}`,
    ...(options.workers === undefined ? [] : [`workers=${options.workers}`]),
  );
  const { seconds, processorSeconds, steps, phases, graphs, leftOut } = await readJson(join(folder, 'finished.json'));
  const reasoner = await Reasoner.load({ folder: join(folder, 'reasoner') });
  const { examples } = await loadTask({ task, path: options.data });
  const answers = await reasoner.think({ questions: examples.map((example) => ({ question: task.prompt(example) })) });
  const scores = answers.map(({ answer }, index) =>
    task.score({ prediction: answer ?? null, example: examples[index] }),
  );
  reasoner.dispose();
  if (audited.has(method))
    await run(
      'apps/eval/bin/subtext-eval.js',
      'audit',
      '--model',
      join(folder, 'reasoner'),
      '--task',
      task.name,
      '--data',
      options.data,
      '--output',
      join(folder, 'audit'),
      '--no-probes',
      '--engine',
      'wasm',
      '--floor',
      '0.5',
    );
  const curve = (await readFile(join(folder, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const result = {
    method,
    seed,
    commit: began.commit,
    steps,
    seconds,
    processorSeconds,
    phases,
    graphs,
    leftOut,
    loads: [began.load, loadavg()[0]],
    questions: examples.length,
    correct: scores.map(({ correct }) => (correct ? 1 : 0)).join(''),
    parseable: scores.filter(({ parseable }) => parseable).length,
    byHops: Object.fromEntries(
      [...new Set(examples.map(({ category }) => category))]
        .sort()
        .map((category) => [
          category,
          share(scores.filter((_, index) => examples[index].category === category).map(({ correct }) => correct)),
        ]),
    ),
    generatedTokens: mean(answers.map(({ tokens }) => tokens.generated)),
    curve: curve
      .filter((_, index) => index % 5 === 4)
      .map(({ step, phaseName, loss, mastery }) => ({
        step,
        phase: phaseName,
        loss: round(loss),
        mastery: round(mastery),
      })),
  };
  await writeFile(measured, `${JSON.stringify(result, null, 1)}\n`);
}

async function superpositionOf({ method, seed }) {
  const reasoner = await Reasoner.load({ folder: join(options.runs, `${method}-${seed}`, 'reasoner') });
  const { examples } = await loadTask({ task, path: options.data });
  const found = await measureSuperposition({ reasoner, task, examples });
  reasoner.dispose();
  return found;
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const share = (values) => mean(values.map((value) => (value ? 1 : 0)));
const round = (value) => Number(value.toFixed(4));
const percent = (value) => `${(value * 100).toFixed(1)} %`;
const spread = (values) =>
  values.length === 1
    ? percent(values[0])
    : `${(meanAndDeviation(values).mean * 100).toFixed(1)} ± ${(meanAndDeviation(values).deviation * 100).toFixed(1)} %`;
const minutes = (seconds) => `${(seconds / 60).toFixed(1)}`;
const bits = ({ correct }) => [...correct].map((bit) => bit === '1');

const task = findTask('prosqa-graph');
tuneProcess();
await useEngine({ engine: 'wasm' });
await mkdir(options.runs, { recursive: true });
if (!options.collect) for (const seed of seeds) for (const method of methods) await trainAndMeasure(method, seed);

const found = [];
for (const method of methods) {
  for (const seed of seeds) {
    const folder = join(options.runs, `${method}-${seed}`);
    if (!existsSync(join(folder, 'measured.json'))) continue;
    const audit = existsSync(join(folder, 'audit/audit.json'))
      ? (await readJson(join(folder, 'audit/audit.json'))).thoughts
      : null;
    found.push({ ...(await readJson(join(folder, 'measured.json'))), audit });
  }
}
if (found.length === 0) throw new Error(`${options.runs} has no finished run yet.`);

const of = (method) => found.filter((one) => one.method === method);
const present = methods.filter((method) => of(method).length > 0);
const accuracy = (one) => share(bits(one));
const effect = (one, kind, kept) =>
  one.audit?.interventions.find((other) => other.kind === kind && (kept === undefined || other.kept === kept))?.effect
    ?.accuracy.value;
const cell = (values) => (values.length === 0 || values.some((value) => value === undefined) ? '–' : spread(values));
const rows = present.map((method) => {
  const all = of(method);
  return [
    method,
    String(all.length),
    cell(all.map(accuracy)),
    cell(all.map((one) => effect(one, 'cut', 0))),
    cell(all.map((one) => effect(one, 'another'))),
    cell(all.map((one) => effect(one, 'permuted'))),
    mean(all.map(({ generatedTokens }) => generatedTokens)).toFixed(1),
    String(Math.round(mean(all.map(({ steps }) => steps)))),
    minutes(mean(all.map(({ seconds }) => seconds))),
    minutes(mean(all.map(({ processorSeconds }) => processorSeconds))),
  ];
});
const header = [
  'method',
  'seeds',
  'accuracy',
  'thoughts removed',
  "another question's thoughts",
  'own, shuffled',
  'tokens an answer',
  'steps',
  'minutes',
  'processor minutes',
];
const markdown = (head, body) =>
  [
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...body.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n');

const tests = present.flatMap((left, index) =>
  present.slice(index + 1).flatMap((right) =>
    of(left).flatMap((one) => {
      const other = of(right).find(({ seed }) => seed === one.seed);
      if (!other) return [];
      const { onlyLeft, onlyRight, pValue } = mcnemarTest({ left: bits(one), right: bits(other) });
      return [
        [
          String(one.seed),
          left,
          right,
          String(onlyLeft),
          String(onlyRight),
          pValue < 0.0001 ? pValue.toExponential(1) : pValue.toFixed(4),
        ],
      ];
    }),
  ),
);
// What holds of methods: their models' accuracies, paired by seed.
const methodTests = present.flatMap((left, index) =>
  present.slice(index + 1).flatMap((right) => {
    const pairs = of(left).flatMap((one) =>
      of(right)
        .filter(({ seed }) => seed === one.seed)
        .map((other) => [accuracy(one), accuracy(other)]),
    );
    if (pairs.length < 2) return [];
    const { seeds, difference, interval, pValue, permutationPValue } = compareSeeds({
      left: pairs.map(([one]) => one),
      right: pairs.map(([, other]) => other),
    });
    const points = (value) => (100 * value).toFixed(1);
    return [
      [
        left,
        right,
        String(seeds),
        `${points(difference)} [${interval.map(points).join(', ')}]`,
        pValue.toFixed(4),
        permutationPValue.toFixed(2),
      ],
    ];
  }),
);
const phaseRows = found.map((one) => [
  one.method,
  String(one.seed),
  one.phases.map(({ phase, step, seconds }) => `${phase}: ${step} (${minutes(seconds)} min)`).join(', '),
  Object.entries(one.byHops)
    .map(([hops, value]) => `${hops} ${percent(value)}`)
    .join(', '),
  one.loads.map((load) => load.toFixed(1)).join(' → '),
]);
const best = [...of('coconut')].sort((a, b) => accuracy(b) - accuracy(a))[0];
// The graphs that the configurations generate.
const comparison = await compareGraphs({
  left: generateProsQA({ count: 20_000, seed: 42, hops: { minimum: 3, maximum: 4 } }),
  right: readProsQA({ file: options.data }),
});
const compared = comparison.rows.filter(({ left, right }) => left.mean > 0 || right.mean > 0);
const superposition = best && (await superpositionOf(best));
const verdicts = found
  .filter(({ audit }) => audit)
  .map(
    (one) =>
      `- ${one.method}, seed ${one.seed}: thoughts **${one.audit.verdict}**${one.audit.certain || one.audit.verdict === 'cannot tell' ? '' : ' (uncertain)'}. ${one.audit.evidence.join(' ')}`,
  );
const cells = (classes) =>
  nodeClasses.map((name) =>
    classes[name] ? `${classes[name].mean.toFixed(2)} ± ${classes[name].standardError.toFixed(2)}` : '–',
  );
const configuration = (
  await Promise.all(
    ['coconut', 'curriculum', 'shared'].map((name) => readFile(join(here, 'graphs', `${name}.yaml`), 'utf8')),
  )
)
  .map((text) => text.trim())
  .join('\n---\n');

const page = `# Graphs from scratch

<!-- made -->
<!-- /made -->

Made by \`node tooling/science/graphs.mjs --data ${basename(options.data)} --methods ${options.methods} --seeds ${options.seeds}\`; the numbers are in \`graphs.json\`, the curves and the thoughts of the best run in \`graphs.html\`.

A GPT-2 is trained from random weights on generated graphs (${found[0].graphs.toLocaleString('en')}, of which those that also stand in the held-out file, by content or by shape, are left out: ${found[0].leftOut} here) and asked the ${found[0].questions} questions of the official validation file of Reasoning by Superposition (arXiv 2505.12514), which it never sees. Every method has the same form (one position an edge), the same model, the same questions a step; they differ in what stands between question and answer. \`coconut\`: four continuous thoughts. \`pause\`: four pause tokens under the same curriculum and supervision. \`cot\`: a shortest path, written node by node. \`no-cot\`: nothing. Chance between the two candidates is 50 %.

${markdown(header, rows)}

Mean ± standard deviation over seeds where there are several. *Thoughts removed*, *another question's* and *shuffled* replace what later positions see of the thoughts while everything else stays (\`subtext-eval audit\`). Times are from machines that did other work at the same time; the load average at the start and the end of each run is below. Processor minutes count all threads.

## Paired tests

McNemar's, over the same questions, seed by seed: questions that only one of the two gets right. Each row compares two models, as they were trained once.

${tests.length === 0 ? 'Too few runs to pair.' : markdown(['seed', 'left', 'right', 'only left', 'only right', 'p'], tests)}

## Tests of the methods

Over seeds: the mean of left − right in points with its 95 % interval, and p, by the paired t-test; and p by the exact test over changes of sign, which with n seeds is never below 2/2ⁿ.

${methodTests.length === 0 ? 'Too few seeds.' : markdown(['left', 'right', 'seeds', 'left − right', 'p (t)', 'p (signs)'], methodTests)}

## Runs

${markdown(['method', 'seed', 'last step of each phase', 'accuracy by hops', 'load'], phaseRows)}

## What the audit says

${verdicts.length === 0 ? 'Nothing was audited.' : verdicts.join('\n')}
${
  superposition
    ? `
## What the thoughts hold

Dot products of the thoughts with the nodes' embeddings, by what a node is to the thought (\`subtext thoughts\`), mean ± standard error over questions; seed ${best.seed} of \`coconut\`.

${markdown(['thought', ...nodeClasses, 'optimal above every unreachable node'], [...superposition.thoughts.map(({ thought, classes, aboveUnreachable }) => [String(thought), ...cells(classes), percent(aboveUnreachable.optimal)]), ['all', ...cells(superposition.overall), '–']])}
`
    : ''
}
## Generated and official graphs

What is trained on is generated; a difference beyond 3 standard errors would be one. The largest here is ${Math.max(...compared.map(({ standardErrors }) => Math.abs(standardErrors))).toFixed(1)}.

${markdown(
  ['measure', 'generated', 'official', 'difference in standard errors'],
  compared.map(({ measure, left, right, standardErrors }) => [
    measure,
    left.mean.toFixed(3),
    right.mean.toFixed(3),
    standardErrors.toFixed(1),
  ]),
)}

## Configuration

\`tooling/science/graphs/coconut.yaml\` and what it builds on; the others differ in \`method.thoughts\` and in steps.

\`\`\`yaml
${configuration.trim()}
\`\`\`
`;
await mkdir(dirname(options.output), { recursive: true });
const notes = `${options.output}-notes.md`;
await writeFile(`${options.output}.md`, existsSync(notes) ? `${page}\n${await readFile(notes, 'utf8')}` : page);
await writeFile(
  `${options.output}.json`,
  `${JSON.stringify({ made: madeWith(), data: basename(options.data), superposition, comparison: compared, processor: `${cpus().length} × ${cpus()[0].model}`, runs: found.map(({ curve: _curve, audit, ...one }) => ({ ...one, accuracy: accuracy(one), audit: audit && { verdict: audit.verdict, certain: audit.certain, accuracy: audit.accuracy, dependence: audit.dependence, interventions: audit.interventions.map(({ name, kept, count, effect: measured }) => ({ name, kept, count, accuracy: measured?.accuracy, pValue: measured?.pValue })) } })) }, null, 1)}\n`,
);
const curves = (key) =>
  found.map((one) => ({
    name: `${one.method} ${one.seed}`,
    points: one.curve.map((point) => ({ x: point.step, y: point[key] })),
  }));
await writeFile(
  `${options.output}.html`,
  renderReport({
    title: 'Graphs from scratch',
    summary:
      'Accuracy on the official graphs with continuous thoughts, pauses, a written path and nothing; how they were learned; what the thoughts hold.',
    sections: [
      tableSection({ title: 'Accuracy', caption: 'On the held-out file.', columns: header, rows }),
      chartSection({
        title: 'Mastery while training',
        caption:
          'Share of right nodes among the highest logits, for what the phase teaches; a phase that begins starts low.',
        series: curves('mastery'),
        xLabel: 'step',
        yLabel: 'mastery',
        yFormat: 'percent',
        yInclude: [0, 1],
        smoothingWindow: 5,
        ...(best && {
          phases: best.phases.map(({ phase }, index) => ({
            label: phase,
            x: index === 0 ? 0 : best.phases[index - 1].step,
          })),
        }),
      }),
      chartSection({
        title: 'Loss while training',
        caption: 'Of each phase on its own batches.',
        series: curves('loss'),
        xLabel: 'step',
        yLabel: 'loss',
        smoothingWindow: 5,
      }),
      ...(superposition ? superpositionSections({ superposition }) : []),
    ],
    footer: `Made by tooling/science/graphs.mjs on ${cpus().length} × ${cpus()[0].model}.`,
  }),
);
if (resolve(options.output) === join(root, 'docs/results/graphs')) writeNotices(root);
console.log(`${options.output}.md, .json and .html: ${found.length} runs.`);
