/**
 * The first steps of the runs behind docs/results/graphs.md and arithmetic.md, which take hours: whether the code still
 * trains as it did, in minutes.
 *
 *   node tooling/results/short-runs.mjs --output FOLDER
 *
 * Writes FOLDER/short-runs.json: the loss of each run's last step. On one machine, runs of one code end at the same bytes.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { madeWith } from './made-with.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values: options } = parseArgs({ options: { output: { type: 'string' } } });
if (!options.output) throw new Error('Name the folder that is written to with --output.');

const scratch = mkdtempSync(join(tmpdir(), 'subtext-short-runs-'));
try {
  const data = join(scratch, 'data');
  const subtext = (...words) => {
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'apps/cli/bin/subtext.js'), ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (status !== 0) throw new Error(`subtext ${words.join(' ')}: ${stderr.trim()}`);
  };
  // As tooling/science/arithmetic/experiment.yaml draws it.
  const drawn = ['modulus=6', 'maximumSteps=4', 'filled=true', 'repeated=true'];
  subtext(
    ...['data', 'generate', 'modular-arithmetic', data, '--train', '40000', '--test', '600'],
    ...drawn.flatMap((option) => ['--option', option]),
  );
  const arithmetic = [
    `data.train=${join(data, 'train.json')}`,
    `data.evaluation=${join(data, 'test.json')}`,
    'data.limit=2000',
    'training.text={"steps":4}',
    'training.encode={"steps":4}',
    'training.recover={"steps":2}',
    'training.phases={}',
  ];
  const graphs = ['data.count=2000', 'training.answer.steps=12'];
  const runs = [
    ...['coconut', 'pause'].map((method) => ['graphs', method, [...graphs, 'training.hop.steps=4']]),
    ['graphs', 'cot', graphs],
    ...['coconut', 'sim-cot', 'codi', 'heima', 'adaptive', 'icot'].map((method) => ['arithmetic', method, arithmetic]),
  ];
  const found = runs.map(([page, method, words]) => {
    const output = join(scratch, `${page}-${method}`);
    subtext(
      ...['train', join(root, `tooling/science/${page}/${method}.yaml`), 'seed=1', `output=${output}`],
      ...['engine=wasm', 'workers=0', ...words],
    );
    const { step, loss } = readFileSync(join(output, 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .findLast((line) => line.loss !== undefined);
    const weights = readFileSync(join(output, 'reasoner/model.safetensors'));
    return {
      page,
      method: `${page}/${method}`,
      step,
      loss,
      sha256: createHash('sha256').update(weights).digest('hex'),
    };
  });
  mkdirSync(options.output, { recursive: true });
  writeFileSync(
    join(options.output, 'short-runs.json'),
    `${JSON.stringify({ made: madeWith(), runs: found }, null, 1)}\n`,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
