/**
 * Predicts the efficiency of training GPT-2 124M, 8 × 1,024 tokens a rank, on 1 to 1,024 ranks by the model of a step
 * (step-model.mjs). Two kinds of rank: this machine, whose seconds are extrapolated from measured steps of the same width
 * and vocabulary; and an accelerator, whose speed is an assumption.
 *
 *     node tooling/scale/predict.mjs [--output FILE]
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { median, recordOf, root, save } from './machine.mjs';
import { gpt2Operations, gpt2Parameters, links, predictStep } from './step-model.mjs';

const { values } = parseArgs({ options: { output: { type: 'string' } } });
const gpt2 = { width: 768, layers: 12, vocabulary: 50257 };
const [sequence, rows] = [1024, 8];
const counts = [2, 4, 8, 16, 64, 256, 1024];
/** Seconds of a processor for a message, either side: what MPI over TCP takes; an assumption. */
const MESSAGE = 5e-6;
/** An accelerator: floating-point operations a second that training reaches, bytes a second of its memory. Assumptions. */
const accelerator = { operations: 40e12, memory: 1e12 };
/** Bytes that AdamW reads and writes for a parameter: weight, gradient and two moments, of which three are written. */
const UPDATE_BYTES = 28;

/** Operations a second of training on this machine: a GPT-2 of width 512, as docs/results/engines.md has it of a quiet machine. */
function measuredSpeed() {
  const {
    rows: found,
    processor,
    cores,
  } = JSON.parse(readFileSync(join(root, 'docs/results/engines-native.json'), 'utf8'));
  const { rounds } = found.find(({ name }) => name === 'train-512');
  const tokensPerSecond = median(rounds.map(({ ours }) => ours));
  const shape = { width: 512, layers: 4, vocabulary: 1024 };
  return {
    processor,
    cores,
    tokensPerSecond,
    operations: tokensPerSecond * gpt2Operations({ ...shape, sequence: 128, tokens: 1 }),
  };
}

const record = recordOf();
const parameters = gpt2Parameters({ ...gpt2, positions: sequence });
const gradients = {
  bytes: 4 * parameters.all,
  tensors: parameters.tensors,
  lateShare: parameters.embeddings / parameters.all,
};
const machine = { ...measuredSpeed(), memory: 10e9 };
const operations = gpt2Operations({ ...gpt2, sequence, tokens: sequence * rows });
const secondsOn = ({ operations: speed, memory }) => ({
  seconds: operations / speed,
  updateSeconds: (parameters.all * UPDATE_BYTES) / memory,
});
const kinds = {
  'this machine': secondsOn(machine),
  accelerator: secondsOn(accelerator),
};
const ways = ['shards', 'any'].flatMap((order) =>
  ['whole', 'parts'].map((optimizerState) => ({ order, optimizerState })),
);
const results = [];
for (const [kind, computing] of Object.entries(kinds))
  for (const [name, link] of Object.entries(links))
    for (const way of ways)
      results.push({
        kind,
        link: name,
        ...way,
        efficiency: Object.fromEntries(
          counts.map((ranks) => {
            const { efficiency } = predictStep({
              computing,
              gradients,
              ranks,
              ...way,
              link: { ...link, message: MESSAGE },
            });
            return [ranks, efficiency];
          }),
        ),
      });
/** What would have to change for more: the parts of a step of 1,024 accelerators, and the same with fewer bytes or larger batches. */
const step = (options) =>
  predictStep({
    computing: kinds.accelerator,
    gradients,
    ranks: 1024,
    optimizerState: 'parts',
    link: { ...links['Ethernet, 100 Gbit/s'], message: MESSAGE },
    ...options,
  });
const half = { ...gradients, bytes: gradients.bytes / 2 };
const four = { seconds: 4 * kinds.accelerator.seconds, updateSeconds: kinds.accelerator.updateSeconds };
const asItIs = step({});
/** The forward pass is a third of the computing. */
const hidden = Math.min(asItIs.parts.gather, kinds.accelerator.seconds / 3);
const changes = {
  'as it is': asItIs,
  'weights travel during the next forward pass': {
    efficiency: asItIs.alone / (asItIs.seconds - hidden),
    parts: { ...asItIs.parts, gather: asItIs.parts.gather - hidden },
  },
  'gradients and weights in 16 bits': step({ gradients: half }),
  'four times the tokens a rank': step({ computing: four }),
  both: step({ gradients: half, computing: four }),
};
save({
  path: values.output,
  result: {
    ...record,
    machine,
    model: { ...gpt2, parameters: parameters.all, lateShare: gradients.lateShare, tokens: sequence * rows, operations },
    assumptions: { message: MESSAGE, accelerator, links },
    computing: kinds,
    results,
    changes,
  },
});
for (const { kind, link, order, optimizerState, efficiency } of results)
  console.log(
    kind.padEnd(13),
    link.padEnd(24),
    order.padEnd(7),
    optimizerState.padEnd(6),
    Object.values(efficiency)
      .map((value) => (100 * value).toFixed(1).padStart(6))
      .join(''),
  );
