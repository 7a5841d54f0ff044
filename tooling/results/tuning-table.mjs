import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const line = ({ what, how, bytes, speed }) =>
  `| ${what} | ${how} | ${bytes === undefined ? '16 bytes per parameter (2.0 GB), plus activations' : `${(bytes / 2 ** 30).toFixed(2)} GiB`} | ${speed.toFixed(0)} | ${(1e6 / speed / 3600).toFixed(1)} |`;

/** Memory and time of fine-tuning models of known shapes, on the processor that the benchmarks were run on. */
export function tuningTable({ rows }, { root }) {
  const { rows: small } = JSON.parse(readFileSync(join(root, 'docs/results/engines-native.json'), 'utf8'));
  const full = small.find(({ name }) => name === 'train-gpt2');
  const { rounds } = rows.find(({ name }) => name === 'lora');
  const adapter = (dtype, how) => ({
    what: 'Llama of TinyLlama-1.1B’s shape',
    how,
    bytes: mean(rounds[`Subtext ${dtype}`].map(({ peakBytes }) => peakBytes)),
    speed: mean(rounds[`Subtext ${dtype}`].map(({ tokensPerSecond }) => tokensPerSecond)),
  });
  return [
    '| model | training | memory | tokens/s | hours per million tokens |',
    '|---|---|---|---|---|',
    line({ what: 'GPT-2 124M', how: 'full', speed: mean(full.rounds.map(({ ours }) => ours)) }),
    line(adapter('bf16', 'LoRA, rank 16, over `model.dtype: bf16`')),
    line(adapter('int4', 'LoRA, rank 16, over `model.dtype: int4`')),
  ].join('\n');
}
