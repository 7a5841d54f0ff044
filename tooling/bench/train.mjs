// Measures training and generation against PyTorch eager on the same cores, in turn, and prints a Markdown table:
//   node tooling/bench/train.mjs [--python python3] [--engines wasm] [--widths 128,256] [--rounds 3] [--threads 2]
//                                [--generate] [--pytorch-device cpu]
// Each round runs ours, then PyTorch's; the medians of the rounds and the median of the rounds' ratios are given, since
// a shared machine changes its speed between rounds and not within one. Needs a build (npm run bootstrap), and a Python
// with torch (for --generate also transformers).
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: process.platform === 'win32' ? 'python' : 'python3' },
    engines: { type: 'string', default: 'wasm' },
    widths: { type: 'string', default: '128,256' },
    layers: { type: 'string', default: '4' },
    tokens: { type: 'string', default: '128' },
    batch: { type: 'string', default: '16' },
    vocabulary: { type: 'string', default: '1024' },
    steps: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    generate: { type: 'boolean', default: false },
    'pytorch-device': { type: 'string', default: 'cpu' },
  },
});

const last = (text) => JSON.parse(text.trim().split('\n').at(-1));
const ours = (args) => last(execFileSync(process.execPath, [join(root, 'apps', 'cli', 'bin', 'subtext.js'), 'bench', ...args, '--json'], { encoding: 'utf8' }));
const theirs = (args) => last(execFileSync(options.python, [join(root, 'tooling', 'bench', 'train_pytorch.py'), ...args, '--threads', options.threads, '--device', options['pytorch-device']], { encoding: 'utf8' }));

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Runs both in turn; gives the medians, and the median and range of the rounds' ratios. */
function compare(measureOurs, measureTheirs) {
  const rounds = Array.from({ length: Number(options.rounds) }, () => ({ ours: measureOurs(), theirs: measureTheirs() }));
  const ratios = rounds.map((round) => round.ours / round.theirs);
  return { ours: median(rounds.map((round) => round.ours)), theirs: median(rounds.map((round) => round.theirs)), ratio: median(ratios), range: [Math.min(...ratios), Math.max(...ratios)] };
}

const shape = (width) => ['--width', width, '--layers', options.layers, '--vocabulary', options.vocabulary];
const versions = { torch: undefined, device: undefined };
console.log('| what | width | engine | Subtext, tokens/s | PyTorch, tokens/s | ratio | ratios of the rounds |\n|---|---|---|---|---|---|---|');
for (const width of options.widths.split(',')) {
  for (const engine of options.engines.split(',')) {
    const show = (what, { ours: mine, theirs: other, ratio, range }) =>
      console.log(`| ${what} | ${width} | ${engine} | ${mine.toFixed(0)} | ${other.toFixed(0)} | ${ratio.toFixed(2)} | ${range.map((value) => value.toFixed(2)).join(' to ')} |`);
    if (!options.generate) {
      const args = [...shape(width), '--tokens', options.tokens, '--batch', options.batch, '--steps', options.steps];
      const measured = compare(
        () => {
          const { device, tokensPerSecond } = ours(['train', '--engine', engine, ...args]);
          versions.device = device;
          return tokensPerSecond;
        },
        () => {
          const { torch, tokensPerSecond } = theirs(['train', ...args]);
          versions.torch = torch;
          return tokensPerSecond;
        },
      );
      show(`train, batch ${options.batch} × ${options.tokens}`, measured);
    } else {
      for (const batch of ['1', '32']) {
        const measured = compare(
          () => ours(['generate', '--engine', engine, ...shape(width), '--batch', batch]).results[0].tokensPerSecond,
          () => theirs(['generate', ...shape(width), '--batch', batch]).results[0].tokensPerSecond,
        );
        show(`generate 64 tokens, batch ${batch}`, measured);
      }
    }
  }
}
console.log(`\n${options.layers} layers, vocabulary ${options.vocabulary}, float32; ${cpus()[0]?.model ?? 'unknown processor'}, PyTorch ${versions.torch ?? ''} on ${options.threads} threads, Node ${process.versions.node}; medians of ${options.rounds} alternating rounds.`);
