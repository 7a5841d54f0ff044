import type { Question, Reasoner } from '@subtext/reasoner';

/** Seconds an answer: alone and in batches, by the wall's clock and by the processor's. */
export interface AnswerSeconds {
  alone: number;
  aloneProcessor: number;
  batched: number;
  batchedProcessor: number;
}

/**
 * How long models take to answer: the median of some rounds in which all of them take turns, so that what else the machine
 * does meets all alike. A round before them warms up and does not count.
 */
export async function measureSeconds({
  models,
  questions,
  alone = 24,
  batched = 192,
  batchSize = 64,
  rounds = 3,
  signal,
}: {
  models: readonly Pick<Reasoner, 'think'>[];
  questions: readonly Question[];
  /** Questions of a round that are asked one by one. @default 24 */
  alone?: number;
  /** Questions of a round that are asked in batches. @default 192 */
  batched?: number;
  /** @default 64 */
  batchSize?: number;
  /** @default 3 */
  rounds?: number;
  signal?: AbortSignal;
}): Promise<AnswerSeconds[]> {
  const timed = async ({ model, count, side }: { model: Pick<Reasoner, 'think'>; count: number; side: number }) => {
    signal?.throwIfAborted();
    const asked = questions.slice(0, count);
    const began = performance.now();
    const processor = process.cpuUsage();
    await model.think({ questions: asked, batchSize: side, signal });
    const { user, system } = process.cpuUsage(processor);
    return [(performance.now() - began) / 1000 / asked.length, (user + system) / 1e6 / asked.length] as const;
  };
  const found = models.map(() => ({
    alone: [] as number[],
    aloneProcessor: [] as number[],
    batched: [] as number[],
    batchedProcessor: [] as number[],
  }));
  for (let round = -1; round < rounds; round++) {
    for (const [index, model] of models.entries()) {
      const one = await timed({ model, count: alone, side: 1 });
      const many = await timed({ model, count: batched, side: batchSize });
      if (round < 0) continue;
      const own = found[index]!;
      own.alone.push(one[0]);
      own.aloneProcessor.push(one[1]);
      own.batched.push(many[0]);
      own.batchedProcessor.push(many[1]);
    }
  }
  return found.map((own) => ({
    alone: median(own.alone),
    aloneProcessor: median(own.aloneProcessor),
    batched: median(own.batched),
    batchedProcessor: median(own.batchedProcessor),
  }));
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
