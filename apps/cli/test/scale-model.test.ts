import { describe, expect, it } from 'vitest';

import { fitLink, gpt2Operations, gpt2Parameters, links, predictStep } from '../../../tooling/scale/step-model.mjs';

const gradients = { bytes: 400e6, tensors: 148, lateShare: 0.25 };
const computing = { seconds: 0.9, updateSeconds: 0.1 };
/** 400 MB in 0.4 s, without latency. */
const link = { latency: 0, bandwidth: 1e9 };

describe('the model of a step among ranks', () => {
  it('is the step alone where there is one rank, or a link that costs nothing', () => {
    expect(predictStep({ computing, gradients, ranks: 1, link })).toMatchObject({ seconds: 1, efficiency: 1 });
    const free = { latency: 0, bandwidth: Infinity };
    expect(predictStep({ computing, gradients, ranks: 64, link: free })).toMatchObject({ seconds: 1, efficiency: 1 });
  });

  it('waits for what is not ready early, and for what takes longer than the backward pass', () => {
    // Of the 200 MB that leave a rank, 50 are ready at the end; the other 150 travel in the 0.6 s of the backward pass.
    const two = predictStep({ computing, gradients, ranks: 2, link });
    expect(two.parts.exposed).toBeCloseTo(0.05);
    expect(two.parts.gather).toBeCloseTo(0.2);
    // At a tenth of the bandwidth 2 s are to be sent, of which 0.6 s pass while it computes.
    const slow = predictStep({ computing, gradients, ranks: 2, link: { latency: 0, bandwidth: 1e8 } });
    expect(slow.parts.exposed).toBeCloseTo(2 - 0.6);
    // Messages that move only now and then.
    const half = { latency: 0, bandwidth: 1e8 };
    expect(predictStep({ computing, gradients, ranks: 2, link: half, overlap: 0.5 }).parts.exposed).toBeCloseTo(1.7);
  });

  it('sums in any order wait for both of their rounds; more shards a rank send more, most of it while they compute', () => {
    const any = predictStep({ computing, gradients, ranks: 4, order: 'any', link });
    expect(any.parts.exposed).toBeCloseTo(0.3);
    expect(any.parts.gather).toBeCloseTo(0.3);
    const shards = predictStep({ computing, gradients, ranks: 4, shards: 4, link });
    // 4 · 0.3 s to send, (3 + 2/3) / 4 · 0.9 s to do it in.
    expect(shards.parts.exposed).toBeCloseTo(1.2 - 0.825);
  });

  it("the optimizer's state in parts divides the update, and costs a third round where the engine keeps it", () => {
    const parts = predictStep({ computing, gradients, ranks: 4, optimizerState: 'parts', link });
    const whole = predictStep({ computing, gradients, ranks: 4, link });
    expect(whole.seconds - parts.seconds).toBeCloseTo(0.075);
    const any = predictStep({ computing, gradients, ranks: 4, order: 'any', optimizerState: 'parts', link });
    expect(any.parts.gather).toBeCloseTo(0.3);
    const onEngine = predictStep({
      ...{ computing, gradients, ranks: 4, optimizerState: 'parts', link },
      stateOnEngine: true,
    });
    expect(onEngine.seconds - parts.seconds).toBeCloseTo(0.3);
  });

  it('loses efficiency with ranks and latency, never gains', () => {
    for (const named of Object.values(links))
      for (const order of ['shards', 'any'] as const) {
        const found = [2, 4, 16, 64, 256, 1024].map(
          (ranks) => predictStep({ computing, gradients, ranks, order, link: { ...named, message: 5e-6 } }).efficiency,
        );
        expect(found).toEqual([...found].sort((one, other) => other - one));
        expect(found.at(-1)).toBeGreaterThan(0);
      }
  });

  it('finds the link that times were made with', () => {
    const points = [8, 1e3, 1e5, 1e7].map((bytes) => ({ bytes, seconds: 2e-5 + bytes / 1.25e9 }));
    const { latency, bandwidth } = fitLink(points);
    expect(latency).toBeCloseTo(2e-5, 9);
    expect(bandwidth / 1.25e9).toBeCloseTo(1, 6);
  });

  it('counts GPT-2', () => {
    const gpt2 = { width: 768, layers: 12, vocabulary: 50257, positions: 1024 };
    expect(gpt2Parameters(gpt2)).toEqual({ all: 124_439_808, embeddings: 39_383_808, tensors: 148 });
    // 6 for each of the 123.5 million weights of products, and attention's.
    expect(gpt2Operations({ ...gpt2, sequence: 1024, tokens: 1 }) / 1e6).toBeCloseTo(6 * 123.53 + 113.2, 0);
  });
});
