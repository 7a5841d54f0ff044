/**
 * What computing blocks again in the backward pass (gradient checkpointing) saves and costs: seconds of a training step, and
 * the most memory that the process held, with and without it, each in a process of its own, by turns.
 *
 *     node tooling/bench/recompute.mjs [--width 256] [--layers 8] [--tokens 1024] [--batch 2] [--steps 3] [--rounds 2] [--output FILE]
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createModel, nextTokenLoss } from '@subtext/model';
import { AdamW, tf, useEngine, valueAndGradients } from '@subtext/tensor';

const options = { engine: { type: 'string', default: 'native' }, output: { type: 'string' }, run: { type: 'string' } };
for (const [name, value] of Object.entries({ width: 256, layers: 8, tokens: 1024, batch: 2, steps: 3, rounds: 2 }))
  options[name] = { type: 'string', default: String(value) };
const { values } = parseArgs({ options });
const [width, layers, tokens, batch, steps, rounds] = ['width', 'layers', 'tokens', 'batch', 'steps', 'rounds'].map(
  (name) => Number(values[name]),
);

/** The most that this process has held; of Linux alone, else what it holds now. */
function peak() {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  } catch {
    return process.memoryUsage().rss;
  }
}

async function measure(recompute) {
  await useEngine({ engine: values.engine });
  const config = {
    model_type: 'gpt2',
    vocab_size: 512,
    n_embd: width,
    n_layer: layers,
    n_head: width / 64,
    n_positions: tokens,
  };
  const model = createModel({ config, seed: 1 });
  model.structure.recomputesBlocks = recompute;
  const optimizer = new AdamW({ parameters: model.parameters, learningRate: 1e-3 });
  const ids = Array.from({ length: batch }, (_, row) =>
    Array.from({ length: tokens }, (_, at) => (at * 7 + row) % 512),
  );
  const seconds = [];
  let loss = 0;
  for (let step = 0; step <= steps; step++) {
    const began = performance.now();
    const { value, gradients } = valueAndGradients({
      parameters: model.parameters,
      compute: () => {
        const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d(ids, undefined, 'int32')) });
        const { sum, count } = nextTokenLoss({ model, hidden, labels: ids });
        return tf.div(sum, count);
      },
    });
    optimizer.step({ gradients });
    loss = value.dataSync()[0];
    tf.dispose([value, ...Object.values(gradients)]);
    // The first one compiles JavaScript, and has memory grow.
    if (step > 0) seconds.push((performance.now() - began) / 1000);
  }
  return { seconds: Math.min(...seconds), loss, bytes: peak() };
}

if (values.run !== undefined) {
  console.log(JSON.stringify(await measure(values.run === 'again')));
} else {
  const found = { kept: [], again: [] };
  const load = loadavg()[0];
  for (let round = 0; round < rounds; round++) {
    for (const run of ['kept', 'again']) {
      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        [fileURLToPath(import.meta.url), ...process.argv.slice(2), '--run', run],
        { encoding: 'utf8' },
      );
      if (status !== 0) throw new Error(stderr);
      found[run].push(JSON.parse(stdout));
    }
  }
  const best = (run, key) => Math.min(...found[run].map((one) => one[key]));
  const result = { engine: values.engine, width, layers, tokens, batch, load };
  for (const run of ['kept', 'again'])
    result[run] = { secondsOfAStep: best(run, 'seconds'), peakBytes: best(run, 'bytes'), loss: found[run][0].loss };
  console.log(JSON.stringify(result, null, 2));
  if (values.output !== undefined) writeFileSync(values.output, `${JSON.stringify(result, null, 2)}\n`);
}
