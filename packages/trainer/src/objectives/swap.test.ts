import type { ReasoningExample } from '@subtext/data';
import { Reasoner, readThoughts, thinkAgain } from '@subtext/reasoner';
import { useEngine, withoutFusedKernels } from '@subtext/tensor';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { TrainRunOptions } from '../run/run-options';
import { trainRun } from '../run/train-run';

/** Sums that can be learnt by heart: the answer stands in the question and in the step's result alike. */
const examples: ReasoningExample[] = [1, 2, 3].flatMap((left) =>
  [1, 2, 3].map((right) => ({
    id: `${left} ${right}`,
    question: `${left} plus ${right}`,
    steps: [{ text: `${left} + ${right} = ${left + right}` }],
    answer: String(left + right),
  })),
);

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-swap-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const runOf = (name: string, swap: number, more: Partial<TrainRunOptions> = {}): TrainRunOptions => ({
  folder: join(folder, name),
  identity: { fingerprint: name },
  examples,
  method: { name: 'heima', textPhase: false, recovering: false, swap },
  // The answer may look at the question: nothing but the exchange teaches it to go by the thought.
  visibility: { answer: ['question', 'steps'] },
  model: {
    new: {
      model_type: 'llama',
      hidden_size: 32,
      intermediate_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      max_position_embeddings: 64,
      initializer_range: 0.1,
    },
  },
  training: { batchSize: 18, shards: 2, learningRate: 0.008, warmupSteps: 10, encode: { steps: 150 } },
  workers: 0,
  ...more,
});

/** Shares of right answers, and of those that follow from another example's thoughts. */
async function measured(path: string) {
  const reasoner = await Reasoner.load({ folder: path });
  const questions = examples.map(({ question }) => ({ question }));
  const answers = await reasoner.think({ questions });
  const thoughts = await readThoughts({ reasoner, questions, answers });
  const partner = examples.map(({ answer }, row) => {
    const others = [...examples.keys()].filter((other) => examples[other]!.answer !== answer);
    return others[(3 * row) % others.length]!;
  });
  const again = await thinkAgain({
    reasoner,
    questions,
    answers,
    stage: 'step_1',
    thoughts: partner.map((other) => thoughts[other]!),
  });
  reasoner.dispose();
  const share = (given: typeof answers, expected: (row: number) => string) =>
    given.filter(({ answer }, row) => answer === expected(row)).length / given.length;
  return {
    right: share(answers, (row) => examples[row]!.answer),
    follows: share(again, (row) => examples[partner[row]!]!.answer),
  };
}

describe('swap training', () => {
  it('teaches a model that could do without its thoughts to go by them', async () => {
    const plain = await trainRun(runOf('plain', 0));
    const swapped = await trainRun(runOf('swapped', 0.5));
    const [without, taught] = [await measured(plain.reasoner), await measured(swapped.reasoner)];
    expect(without.right).toBeGreaterThan(0.85);
    expect(taught.right).toBeGreaterThan(0.85);
    expect(without.follows).toBeLessThan(0.5);
    expect(taught.follows).toBeGreaterThan(0.85);
    const lines = (await readFile(swapped.log, 'utf8')).trim().split('\n');
    const losses = lines.map((line) => JSON.parse(line) as { swapLoss: number; answerLoss: number });
    expect(losses.at(-1)!.swapLoss).toBeLessThan(losses[0]!.swapLoss / 5);
    expect(await readFile(plain.log, 'utf8')).not.toContain('swapLoss');
  }, 60_000);

  it('gives the same bytes again, and nearly the same without fused kernels and with thoughts that are fed back', async () => {
    const short = { training: { ...runOf('', 0).training, encode: { steps: 3 } } };
    const lossOf = async (name: string, more: Partial<TrainRunOptions> = {}) => {
      const { log } = await trainRun(
        runOf(name, 1, { ...short, ...more, training: { ...short.training, logSteps: 1 } }),
      );
      return (await readFile(log, 'utf8'))
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { swapLoss: number }).swapLoss);
    };
    const first = await lossOf('first');
    expect(first).toHaveLength(3);
    expect(await lossOf('again')).toEqual(first);
    const composed = await withoutFusedKernels(() => lossOf('composed'));
    for (const [step, loss] of composed.entries()) expect(Math.abs(loss - first[step]!)).toBeLessThan(1e-3);
    // A matrix of zeros feeds nothing back yet: the first step is the same.
    const method = { name: 'heima' as const, textPhase: false, recovering: false, swap: 1, feedBack: true };
    const fedBack = await lossOf('fed-back', { method });
    expect(Math.abs(fedBack[0]! - first[0]!)).toBeLessThan(1e-3);
    for (const loss of fedBack) expect(Number.isFinite(loss)).toBe(true);
  }, 60_000);

  it('says where the data does not tell what follows, and where nothing says who sees thoughts', async () => {
    const unknown = examples.map((example) => ({ ...example, steps: [{ text: `${example.answer} it is` }] }));
    await expect(trainRun(runOf('unknown', 0.5, { examples: unknown }))).rejects.toMatchObject({
      code: 'invalid-option',
      message: expect.stringContaining('does not tell which answer follows') as string,
    });
    await expect(trainRun(runOf('unseen', 0.5, { visibility: 'all' }))).rejects.toMatchObject({
      code: 'invalid-option',
      message: expect.stringContaining('leave swap at 0') as string,
    });
  });
});
