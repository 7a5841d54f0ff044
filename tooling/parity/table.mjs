// Holds the built command against recorded outputs of transformers, and writes docs/results/parity.md:
//   node tooling/parity/table.mjs FOLDER… [--engines cpu,wasm] [--output docs/results/parity.md]
// What the file says under further headings is kept.
// Each FOLDER is a model folder with a golden.safetensors (or, of a language model's story, a golden.json), or holds
// such folders. Outputs come from `subtext forward` and `subtext generate`, gradients and AdamW steps from the packages.
// Needs a build: npm run bootstrap. Ends with exit code 1 where anything is out of tolerance.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { loadModel, nextTokenLoss } from '../../packages/model/dist/index.js';
import { openSafetensors, writeSafetensors } from '../../packages/safetensors/dist/index.js';
import {
  AdamW,
  clippingScale,
  globalNormAsync,
  tf,
  useEngine,
  valueAndGradients,
} from '../../packages/tensor/dist/index.js';
import { tuneProcess } from '../../packages/core/dist/node.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const command = join(root, 'apps', 'cli', 'bin', 'subtext.js');
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engines: { type: 'string' },
    output: { type: 'string', default: join(root, 'docs', 'results', 'parity.md') },
  },
});

/** Largest differences that count as equal. */
const tolerance = { value: 1e-4, gradient: 1e-3, loss: 1e-4 };

const isCase = (folder) => ['golden.safetensors', 'golden.json'].some((name) => existsSync(join(folder, name)));
const cases = positionals.flatMap((folder) =>
  isCase(folder)
    ? [folder]
    : readdirSync(folder)
        .sort()
        .map((name) => join(folder, name))
        .filter(isCase),
);
if (cases.length === 0)
  throw new Error('Give model folders with a golden.safetensors or golden.json, or folders of such folders.');

const scratch = mkdtempSync(join(tmpdir(), 'subtext-parity-'));

function subtext(...args) {
  const lines = execFileSync(process.execPath, [command, ...args, '--json'], { encoding: 'utf8', maxBuffer: 2 ** 28 })
    .trim()
    .split('\n');
  return JSON.parse(lines.at(-1));
}

async function readAll(path) {
  const file = await openSafetensors({ path });
  const tensors = {};
  for (const name of file.names) {
    const { dtype, shape, data } = await file.read(name);
    tensors[name] = { dtype, shape, data, values: dtype === 'I64' ? Int32Array.from(data, Number) : data };
  }
  await file.close();
  return tensors;
}

/** Runs a command of inputs to outputs. */
async function compute({ folder, engine, inputs, command: name = 'forward', more = [] }) {
  const [from, to] = [join(scratch, 'inputs.safetensors'), join(scratch, 'outputs.safetensors')];
  await writeSafetensors({
    path: from,
    tensors: Object.fromEntries(
      Object.entries(inputs).map(([input, { dtype, shape, data }]) => [input, { dtype, shape, data }]),
    ),
  });
  subtext(name, '--model', folder, '--inputs', from, '--output', to, '--engine', engine, ...more);
  return readAll(to);
}

/** The largest difference over the elements whose position is seen; NaN where shapes differ or a number is missing. */
function difference(actual, expected, seen) {
  if (!actual || actual.shape.join() !== expected.shape.join()) return NaN;
  const width = seen ? expected.shape.at(-1) : 1;
  let largest = 0;
  for (let index = 0; index < expected.values.length; index++) {
    if (seen && seen[Math.floor(index / width)] === 0) continue;
    const deviation = Math.abs(actual.values[index] - expected.values[index]);
    if (!(deviation <= largest)) largest = deviation;
  }
  return largest;
}

const pick = (tensors, names) =>
  Object.fromEntries(names.filter((name) => name in tensors).map((name) => [name, tensors[name]]));
const largest = (numbers) => numbers.reduce((most, number) => (number <= most ? most : number), 0);

/** Everything that is recorded of a case, by column. */
async function check({ folder, engine }) {
  const row = {};
  const { kind, adamw } = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8'));
  const golden = await readAll(join(folder, 'golden.safetensors'));
  const states = (outputs, seen) =>
    largest(
      Object.keys(golden)
        .filter((name) => /^(hidden_states\.\d+|last_hidden_state|pooler_output)$/.test(name))
        .map((name) => difference(outputs[name], golden[name], seen)),
    );
  if (kind === 'vision-encoder') {
    const outputs = await compute({ folder, engine, inputs: pick(golden, ['pixel_values']) });
    return { states: states(outputs) };
  }
  if (kind === 'coconut') {
    const outputs = await compute({
      folder,
      engine,
      inputs: pick(golden, ['inputs_embeds', 'attention_mask', 'position_ids']),
    });
    return { embeddings: difference(outputs.logits, golden.logits, golden.attention_mask.values) };
  }
  if (kind === 'vlm') {
    const inputs = pick(golden, [
      'input_ids',
      'attention_mask',
      'pixel_values',
      'pixel_attention_mask',
      'aspect_ratio_ids',
      'aspect_ratio_mask',
      'cross_attention_mask',
    ]);
    const outputs = await compute({ folder, engine, inputs });
    row.logits = difference(outputs.logits, golden.logits, golden.attention_mask?.values);
    row.states = states(outputs, golden.attention_mask?.values);
    row.greedy = await greedy({ folder, engine, inputs, golden });
    return row;
  }
  const plain = await compute({ folder, engine, inputs: pick(golden, ['input_ids']) });
  row.logits = difference(plain.logits, golden.logits);
  row.states = states(plain);
  const masked = await compute({ folder, engine, inputs: pick(golden, ['input_ids', 'attention_mask']) });
  row.masked = difference(masked.logits, golden['masked.logits'], golden.attention_mask.values);
  const embedded = await compute({ folder, engine, inputs: pick(golden, ['inputs_embeds']) });
  row.embeddings = difference(embedded.logits, golden['inputs_embeds.logits']);
  const { shape, data } = golden.input_ids;
  row.greedy = await greedy({
    folder,
    engine,
    inputs: { input_ids: { dtype: 'I64', shape: [1, shape[1]], data: data.slice(0, shape[1]) } },
    golden,
  });
  return { ...row, ...(await train({ folder, golden, settings: adamw })) };
}

/** How many of the ids that were written are the recorded ones. */
async function greedy({ folder, engine, inputs, golden }) {
  const expected = golden.greedy;
  const prompt = inputs.input_ids.shape[1];
  const { greedy: written } = await compute({
    folder,
    engine,
    inputs,
    command: 'generate',
    more: ['--max-new-tokens', String(expected.shape[1] - prompt)],
  });
  const right = expected.values.slice(prompt).filter((id, index) => id === written.values[prompt + index]).length;
  return { right, total: expected.shape[1] - prompt };
}

/** Gradients, relative to the largest element of each, and the losses of clipped AdamW steps. */
async function train({ folder, golden, settings }) {
  const model = await loadModel({ folder });
  const { shape, values } = golden.input_ids;
  const [rows, time] = shape;
  const labels = Array.from({ length: rows }, (_, row) =>
    [...values.slice(row * time, (row + 1) * time)].map((id, position) => (position < 8 ? -100 : id)),
  );
  const optimizer = new AdamW({
    parameters: model.parameters,
    learningRate: settings.lr,
    beta1: settings.betas[0],
    beta2: settings.betas[1],
    epsilon: settings.eps,
    weightDecay: settings.weight_decay,
  });
  const gradientDifferences = [];
  const lossDifferences = [];
  for (let step = 0; step < settings.steps; step++) {
    const { value, gradients } = valueAndGradients({
      parameters: model.parameters,
      compute: () => {
        const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d(values, shape, 'int32')) });
        const { sum, count } = nextTokenLoss({ model, hidden, labels });
        return tf.div(sum, count);
      },
    });
    lossDifferences.push(Math.abs((await value.data())[0] - golden['train.loss_and_gradnorm'].values[2 * step]));
    if (step === 0) {
      for (const [name, expected] of Object.entries(golden).filter(([tensor]) => tensor.startsWith('grad.'))) {
        const actual = { shape: gradients[name.slice(5)].shape, values: await gradients[name.slice(5)].data() };
        gradientDifferences.push(difference(actual, expected) / largest([...expected.values].map(Math.abs)));
      }
    }
    optimizer.step({
      gradients,
      gradientScale: clippingScale({ norm: await globalNormAsync(gradients), maximumNorm: settings.clip }),
    });
    tf.dispose([value, ...Object.values(gradients)]);
  }
  optimizer.dispose();
  model.dispose();
  return { gradients: largest(gradientDifferences), loss: largest(lossDifferences) };
}

/** A story that a trained model must tell again. */
function tell({ folder, engine }) {
  const { greedy_from_bos_ids: ids } = JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8'));
  const prompt = 'Once upon a time';
  const { promptIds, ids: written } = subtext(
    'generate',
    prompt,
    '--model',
    folder,
    '--engine',
    engine,
    '--max-new-tokens',
    String(ids.length - 5),
  );
  const told = [...promptIds, ...written];
  return { greedy: { right: ids.filter((id, index) => id === told[index]).length, total: ids.length } };
}

const columns = [
  { key: 'logits', title: 'logits', limit: tolerance.value },
  { key: 'states', title: 'hidden states', limit: tolerance.value },
  { key: 'masked', title: 'left-padded rows', limit: tolerance.value },
  { key: 'embeddings', title: 'from embeddings', limit: tolerance.value },
  { key: 'greedy', title: 'greedy ids' },
  { key: 'gradients', title: 'gradients', limit: tolerance.gradient },
  { key: 'loss', title: 'loss, 3 AdamW steps', limit: tolerance.loss },
];
let faults = 0;

function cell(value, limit) {
  if (value === undefined) return '';
  const [text, right] =
    typeof value === 'object'
      ? [`${value.right} of ${value.total}`, value.right === value.total]
      : [value.toExponential(1), value < limit];
  if (!right) faults += 1;
  return right ? text : `**${text}**`;
}

const { engines: found, machine } = subtext('doctor');
const engines =
  options.engines?.split(',') ?? found.filter(({ loads, device }) => loads && !device.software).map(({ name }) => name);
const lines = [];
for (const folder of cases) {
  for (const engine of engines) {
    tuneProcess();
    await useEngine({ engine });
    const row = existsSync(join(folder, 'golden.safetensors'))
      ? await check({ folder, engine })
      : tell({ folder, engine });
    const { model_type: type } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
    lines.push(
      `| ${basename(folder)} | ${type} | ${engine} | ${columns.map(({ key, limit }) => cell(row[key], limit)).join(' | ')} |`,
    );
    console.log(lines.at(-1));
  }
}
rmSync(scratch, { recursive: true, force: true });

// Sections that were written about other checks stay.
const rest = existsSync(options.output) ? (/\n## [\s\S]*$/.exec(readFileSync(options.output, 'utf8'))?.[0] ?? '') : '';
const versions = found
  .filter(({ name }) => engines.includes(name))
  .map(({ name, version }) => `${name} ${version ?? ''}`.trim());
writeFileSync(
  options.output,
  `# Parity with transformers

Largest absolute differences from what transformers recorded, in float32; gradients relative to the largest element of each. Allowed: ${tolerance.value} for logits and states, ${tolerance.gradient} for gradients, ${tolerance.loss} for losses; greedy ids must all be equal. Padded positions are left out. Out of tolerance: ${faults === 0 ? 'nothing' : `**${faults}**`}.

Made by \`node tooling/parity/table.mjs FOLDER…\` over folders of recorded cases (model, inputs, outputs), through \`subtext forward\` and \`subtext generate\`, on Node ${machine.node}, ${cpus()[0]?.model ?? 'unknown processor'}; engines: ${versions.join(', ')}.

| case | architecture | engine | ${columns.map(({ title }) => title).join(' | ')} |
|---|---|---|${columns.map(() => '---').join('|')}|
${lines.join('\n')}
${rest}`,
);
console.log(`\n${faults} out of tolerance; written to ${options.output}`);
process.exitCode = faults === 0 ? 0 : 1;
