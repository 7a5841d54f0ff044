// Holds language models against what transformers recorded for them, and prints a Markdown table:
//   node tooling/parity/compare_models.mjs FOLDER… [--engine wasm]
// Each FOLDER is a model folder with a golden.safetensors, or holds such folders. Needs a build:
//   npx turbo run build --filter=@subtext/model
// The first prompt of `input_ids` is also continued greedily, where `greedy` is recorded.
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { openSafetensors } from '../../packages/safetensors/dist/index.js';
import { tf, useEngine } from '../../packages/tensor/dist/index.js';
import { generate, loadModel } from '../../packages/model/dist/index.js';
import { tuneProcess } from '../../packages/core/dist/node.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { engine: { type: 'string', default: 'wasm' } },
});
const tolerance = 1e-4;

const isCase = (folder) => existsSync(join(folder, 'golden.safetensors'));
const cases = positionals.flatMap((folder) =>
  isCase(folder)
    ? [folder]
    : readdirSync(folder)
        .sort()
        .map((name) => join(folder, name))
        .filter(isCase),
);
if (cases.length === 0) throw new Error('Give model folders with a golden.safetensors, or a folder of such folders.');

/** Reads a folder's recorded tensors. */
async function readRecorded(folder) {
  const file = await openSafetensors({ path: join(folder, 'golden.safetensors') });
  const recorded = {};
  for (const name of file.names) {
    const { shape, dtype, data } = await file.read(name);
    recorded[name] = { shape, values: dtype === 'I64' ? Int32Array.from(data, Number) : data };
  }
  await file.close();
  return recorded;
}

const matrix = ({ shape, values }) => tf.tensor2d(values, shape, 'int32');

/** The largest differences of logits and hidden states, where the mask shows a position. */
function compareStates({ model, recorded, masked }) {
  const seen = masked ? recorded.attention_mask.values : null;
  const difference = (actual, expected, width) => {
    let largest = 0;
    for (let index = 0; index < expected.length; index++) {
      if (seen !== null && seen[Math.floor(index / width)] === 0) continue;
      const own = Math.abs(actual[index] - expected[index]);
      if (!(own <= largest)) largest = own;
    }
    return largest;
  };
  return tf.tidy(() => {
    const { hidden, hiddenStates } = model.forward({
      embeddings: model.embed(matrix(recorded.input_ids)),
      mask: masked ? matrix(recorded.attention_mask) : null,
      outputHiddenStates: true,
    });
    const expected = masked && recorded['masked.logits'] ? recorded['masked.logits'] : recorded.logits;
    const logits = difference(model.logits(hidden).dataSync(), expected.values, expected.shape.at(-1));
    const states = hiddenStates.map((state, layer) =>
      recorded[`hidden_states.${layer}`] && !(masked && recorded['masked.logits'])
        ? difference(state.dataSync(), recorded[`hidden_states.${layer}`].values, model.dimensions.width)
        : 0,
    );
    return { logits, states: Math.max(...states) };
  });
}

tuneProcess();
await useEngine({ engine: options.engine });
let failed = 0;
console.log(
  `| case on ${options.engine} | logits | masked logits | hidden states | greedy tokens |\n|---|---|---|---|---|`,
);
for (const folder of cases) {
  try {
    const recorded = await readRecorded(folder);
    const model = await loadModel({ folder });
    // Golden cases record both; the variants only the masked batch.
    const both = recorded['masked.logits'] !== undefined;
    const whole = both ? compareStates({ model, recorded, masked: false }) : null;
    const masked = compareStates({ model, recorded, masked: true });
    const greedy = [...recorded.greedy.values];
    const prompt = greedy.slice(0, recorded.input_ids.shape[1]);
    const { ids } = await generate({ model, inputs: [prompt], maxNewTokens: greedy.length - prompt.length });
    const same =
      ids[0].every((id, index) => id === greedy[prompt.length + index]) &&
      ids[0].length === greedy.length - prompt.length;
    const states = (whole ?? masked).states;
    const good = [whole?.logits ?? 0, masked.logits, states].every((value) => value < tolerance) && same;
    failed += good ? 0 : 1;
    console.log(
      `| ${basename(folder)} | ${whole?.logits.toExponential(1) ?? ''} | ${masked.logits.toExponential(1)} | ${states.toExponential(1)} | ${same ? 'equal' : 'DIFFER'} |`,
    );
    model.dispose();
  } catch (error) {
    failed += 1;
    console.log(`| ${basename(folder)} | ${String(error.message).replaceAll('\n', ' ')} | | | |`);
  }
}
console.log(`\n${cases.length - failed} of ${cases.length} within ${tolerance}.`);
process.exitCode = failed === 0 ? 0 : 1;
