// What makes used thoughts learnable: the preset small/heima with one of its aids left out, from the written chain of a
// finished start run.
//   node tooling/science/used-thoughts.mjs --start runs/start
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { madeWith } from '../results/made-with.mjs';

const { values } = parseArgs({
  options: {
    start: { type: 'string', default: 'runs/start' },
    output: { type: 'string', default: 'runs/used-thoughts' },
    engine: { type: 'string', default: 'native' },
    questions: { type: 'string', default: '250' },
  },
});

/** Each with the settings that differ from the preset's. */
const variants = [
  { name: 'the preset', settings: [] },
  { name: 'without `toWords`', settings: ['method.toWords=0'] },
  { name: 'without `predictWords`', settings: ['method.predictWords=0'] },
  { name: 'without `feedBack`', settings: ['method.feedBack=false'] },
  { name: 'without all three', settings: ['method.toWords=0', 'method.predictWords=0', 'method.feedBack=false'] },
];

const node = (...words) =>
  execFileSync(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 28 });

mkdirSync(values.output, { recursive: true });
const found = variants.map(({ name, settings }, index) => {
  const folder = join(values.output, `variant-${index}`);
  node(
    'apps/cli/bin/subtext.js',
    'train',
    'apps/cli/presets/small/heima.yaml',
    `output=${folder}`,
    `model.from=${join(values.start, 'cot/reasoner')}`,
    `data.train=${join(values.start, 'data/train.jsonl')}`,
    `data.evaluation=${join(values.start, 'data/test.jsonl')}`,
    `engine=${values.engine}`,
    'interpreters=null',
    'drawer=null',
    ...settings,
    '--json',
  );
  const audit = join(values.output, `audit-${index}`);
  node(
    'apps/eval/bin/subtext-eval.js',
    'audit',
    ...['--model', join(folder, 'reasoner'), '--task', 'scenes', '--data', join(values.start, 'data')],
    ...['--limit', values.questions, '--engine', values.engine, '--no-probes', '--output', audit, '--json'],
  );
  const { thoughts, stages } = JSON.parse(readFileSync(join(audit, 'audit.json'), 'utf8'));
  const follows = (stage) => stages.find((one) => one.stage === stage)?.swap?.follows?.value ?? null;
  const row = {
    name,
    settings,
    accuracy: thoughts.accuracy.value,
    caption: follows('caption'),
    reasoning: follows('reasoning'),
  };
  console.log(JSON.stringify(row));
  return row;
});
writeFileSync(
  'docs/results/used-thoughts.json',
  `${JSON.stringify(
    {
      command: `node tooling/science/used-thoughts.mjs --start ${values.start}`,
      seed: 1,
      engine: values.engine,
      questions: Number(values.questions),
      ...madeWith(),
      variants: found,
    },
    null,
    2,
  )}\n`,
);
