import { createModel, generate } from '@subtext/model';
import { RandomStream } from '@subtext/data';

import { gpt2Config, median, processorMilliseconds, type BenchShape } from './gpt2-like';

export interface BenchGenerateOptions extends Omit<BenchShape, 'positions'> {
  /** Tokens of each prompt. */
  prompt: number;
  /** Tokens that are written after it. */
  newTokens: number;
  /** Rows side by side, one measurement each. */
  batches: readonly number[];
  /** Measurements of each; the median counts. */
  rounds: number;
  onRound?: (round: { done: number; total: number }) => void;
}

export interface BenchGenerateResult {
  batch: number;
  /** For the prompt and all new tokens: the median. */
  milliseconds: number;
  /** New tokens of all rows. */
  tokensPerSecond: number;
  /** Processor time, all threads together: the median. */
  processorMilliseconds: number;
}

/** Greedy generation with a cache, from random prompts with random weights. */
export async function benchGenerate({
  prompt,
  newTokens,
  batches,
  rounds,
  onRound,
  ...shape
}: BenchGenerateOptions): Promise<BenchGenerateResult[]> {
  const model = createModel({ config: gpt2Config({ ...shape, positions: prompt + newTokens }), seed: 1 });
  const random = new RandomStream({ seed: 1, name: '' });
  const results: BenchGenerateResult[] = [];
  let done = 0;
  for (const batch of batches) {
    const inputs = Array.from({ length: batch }, () =>
      Array.from({ length: prompt }, () => random.integer(shape.vocabulary)),
    );
    const times: number[] = [];
    const processorTimes: number[] = [];
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      const [began, processorBegan] = [performance.now(), processorMilliseconds()];
      await generate({ model, inputs, maxNewTokens: newTokens });
      if (round > 0) {
        times.push(performance.now() - began);
        processorTimes.push(processorMilliseconds() - processorBegan);
      }
      onRound?.({ done: ++done, total: batches.length * (rounds + 1) });
    }
    const milliseconds = median(times);
    results.push({
      batch,
      milliseconds,
      tokensPerSecond: (batch * newTokens * 1000) / milliseconds,
      processorMilliseconds: median(processorTimes),
    });
  }
  model.dispose();
  return results;
}
