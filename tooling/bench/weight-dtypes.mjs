/**
 * What fewer bits cost in accuracy: the mean NLL (nats a token) of texts under a model whose weights are stored as each
 * dtype, the largest difference of a logit from float32, and the bytes of the weights.
 *
 *     node tooling/bench/weight-dtypes.mjs --model FOLDER [--rows 16] [--tokens 256] [--seed 0] [--output FILE]
 *
 * The texts are drawn by the float32 model itself (temperature 1), so that no data are needed: the rise of the NLL is then
 * the mean divergence from what float32 predicts.
 */
import { parseArgs } from 'node:util';
import { writeFileSync } from 'node:fs';
import { crossEntropy, tf, useEngine } from '@subtext/tensor';
import { generate, loadModel } from '@subtext/model';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    rows: { type: 'string', default: '16' },
    tokens: { type: 'string', default: '256' },
    seed: { type: 'string', default: '0' },
    output: { type: 'string' },
  },
});
if (values.model === undefined) throw new Error('give --model FOLDER, a Hugging Face folder');
const [rows, tokens, seed] = [values.rows, values.tokens, values.seed].map(Number);
const { name: engine } = await useEngine({ engine: 'native' });

async function logitsOf(model, ids) {
  const result = tf.tidy(() => {
    const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d(ids, undefined, 'int32')) });
    return model.logits(hidden);
  });
  const flat = tf.tidy(() =>
    tf.reshape(tf.slice(result, [0, 0, 0], [rows, tokens - 1, -1]), [rows * (tokens - 1), -1]),
  );
  const labels = tf.tensor1d(
    ids.flatMap((row) => row.slice(1)),
    'int32',
  );
  const nll = tf.tidy(() => tf.mean(crossEntropy({ logits: flat, labels })).dataSync()[0]);
  const data = flat.dataSync().slice();
  tf.dispose([result, flat, labels]);
  return { nll, data };
}

const first = await loadModel({ folder: values.model, trainable: false });
const begin = Number(first.config.bos_token_id ?? 0);
const { ids: drawn } = await generate({
  model: first,
  inputs: Array.from({ length: rows }, () => [begin]),
  maxNewTokens: tokens - 1,
  temperature: 1,
  seed,
  stopIds: [],
});
const ids = drawn.map((row) => [begin, ...row]);
const reference = await logitsOf(first, ids);
first.dispose();
const dtypes = {};
for (const dtype of ['float32', 'bf16', 'f16', 'int8', 'int4']) {
  let model;
  try {
    model = await loadModel({ folder: values.model, dtype, trainable: false });
  } catch (error) {
    if (error.code !== 'unsupported-dtype') throw error;
    dtypes[dtype] = { reason: error.message.replace(/^.*?: /, '') };
    continue;
  }
  const bytes = model.parameters.byteLength;
  const { nll, data } = await logitsOf(model, ids);
  let largest = 0;
  for (const [index, value] of data.entries()) largest = Math.max(largest, Math.abs(value - reference.data[index]));
  dtypes[dtype] = { bytes, nll, rise: nll - reference.nll, largestLogitDifference: largest };
  model.dispose();
}
const result = { engine, rows, tokens, seed, dtypes };
for (const [dtype, found] of Object.entries(dtypes))
  console.log(
    found.reason
      ? `${dtype}: ${found.reason}`
      : `${dtype}: ${(found.bytes / 2 ** 20).toFixed(2)} MiB, NLL ${found.nll.toFixed(4)} (${found.rise >= 0 ? '+' : ''}${found.rise.toFixed(4)}), largest logit difference ${found.largestLogitDifference.toFixed(4)}`,
  );
if (values.output !== undefined) writeFileSync(values.output, `${JSON.stringify(result, null, 2)}\n`);
