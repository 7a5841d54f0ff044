// Holds the built command against what transformers computed for checkpoints that no test knows:
//   node tooling/parity/held_out_checkpoints.mjs FOLDER [--engines wasm,cpu] [--only TEXT]
// FOLDER is made by held_out_checkpoints.py. Prints a line a case and engine; ends with exit code 1 where anything
// differs. Rows that a mask hides are left out; all others, in every state, must agree. Needs a build: npm run bootstrap.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { openSafetensors } from '../../packages/safetensors/dist/index.js';

const command = fileURLToPath(new URL('../../apps/cli/bin/subtext.js', import.meta.url));
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { engines: { type: 'string', default: 'wasm,cpu' }, only: { type: 'string', default: '' } },
});
const tolerance = 1e-4;
const scratch = mkdtempSync(join(tmpdir(), 'subtext-held-out-'));

/** Runs the command; gives what it wrote to standard error where it fails. */
function subtext(...args) {
  try {
    execFileSync(process.execPath, [command, ...args, '--json'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return null;
  } catch (error) {
    return `${error.stdout}${error.stderr}`.trim();
  }
}

async function readAll(path) {
  const file = await openSafetensors({ path });
  const tensors = {};
  for (const name of file.names) {
    const { dtype, shape, data } = await file.read(name);
    tensors[name] = { shape, values: dtype === 'I64' ? Array.from(data, Number) : data };
  }
  await file.close();
  return tensors;
}

/** The largest difference where the mask shows a position; infinite where a tensor lacks or has another shape. */
function difference(actual, expected, mask) {
  if (!actual || actual.shape.join() !== expected.shape.join()) return Infinity;
  const hides =
    mask && expected.shape[0] === mask.shape[0] && expected.shape[1] === mask.shape[1] && expected.shape.length === 3;
  const width = expected.shape.at(-1);
  let largest = 0;
  for (let index = 0; index < expected.values.length; index++) {
    if (hides && mask.values[Math.floor(index / width)] === 0) continue;
    const deviation = Math.abs(actual.values[index] - expected.values[index]);
    if (!(deviation <= largest)) largest = deviation;
  }
  return largest;
}

async function check({ folder, kind, name, engine }) {
  const inputsPath = join(folder, `${kind}.${name}.safetensors`);
  const output = join(scratch, 'outputs.safetensors');
  rmSync(output, { force: true });
  const failure = subtext(
    kind,
    '--model',
    folder,
    '--inputs',
    inputsPath,
    '--output',
    output,
    '--engine',
    engine,
    ...(kind === 'generate' ? ['--max-new-tokens', '7'] : []),
  );
  if (failure !== null) return { good: false, text: `${kind} ${name}: ${failure}` };
  const [inputs, actual, expected] = [
    await readAll(inputsPath),
    await readAll(output),
    await readAll(join(folder, `${kind}.${name}.expected.safetensors`)),
  ];
  if (kind === 'generate') {
    const same =
      actual.greedy?.shape.join() === expected.greedy.shape.join() &&
      expected.greedy.values.every((id, index) => id === actual.greedy.values[index]);
    return {
      good: same,
      text: `${kind} ${name}: ${same ? 'equal' : `${actual.greedy?.values.join(' ')} instead of ${expected.greedy.values.join(' ')}`}`,
    };
  }
  const all = Object.keys(expected).map((tensor) => [
    tensor,
    difference(actual[tensor], expected[tensor], inputs.attention_mask),
  ]);
  const worst = all.reduce((most, entry) => (entry[1] <= most[1] ? most : entry));
  return {
    good: worst[1] < tolerance,
    largest: worst[1],
    text: `${kind} ${name}: ${worst[1].toExponential(1)} (${worst[0]} of ${all.length})`,
  };
}

let bad = 0;
let checks = 0;
for (const engine of options.engines.split(',')) {
  let largest = 0;
  for (const name of readdirSync(positionals[0])
    .sort()
    .filter((entry) => entry.includes(options.only))) {
    const folder = join(positionals[0], name);
    const results = [];
    if (existsSync(join(folder, 'refused.json'))) {
      const { names } = JSON.parse(readFileSync(join(folder, 'refused.json'), 'utf8'));
      const failure = subtext(
        'forward',
        '--model',
        folder,
        '--inputs',
        join(folder, 'inputs.safetensors'),
        '--output',
        join(scratch, 'refused.safetensors'),
        '--engine',
        engine,
      );
      results.push({
        good: failure !== null && failure.includes(names),
        text: failure === null ? 'was not refused' : `refused: ${failure}`,
      });
    } else {
      const runs = readdirSync(folder).flatMap((file) =>
        /^(forward|generate)\.([^.]+)\.safetensors$/.exec(file)?.slice(1, 3)
          ? [/^(forward|generate)\.([^.]+)\.safetensors$/.exec(file)]
          : [],
      );
      for (const [, kind, run] of runs) results.push(await check({ folder, kind, name: run, engine }));
    }
    checks += results.length;
    const wrong = results.filter(({ good }) => !good);
    bad += wrong.length;
    largest = Math.max(largest, ...results.map((result) => result.largest ?? 0));
    const own = Math.max(0, ...results.map((result) => result.largest ?? 0));
    console.log(
      `${wrong.length === 0 ? 'ok  ' : 'BAD '} ${engine} ${name}: ${results.length} runs, largest difference ${own.toExponential(1)}${wrong.map(({ text }) => `\n     ${text.slice(0, 600)}`).join('')}`,
    );
  }
  console.log(`${engine}: largest difference ${largest.toExponential(1)}`);
}
rmSync(scratch, { recursive: true, force: true });
console.log(`${checks - bad} of ${checks} runs within ${tolerance} and with equal ids`);
process.exitCode = bad === 0 ? 0 : 1;
