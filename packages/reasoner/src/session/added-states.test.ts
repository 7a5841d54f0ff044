import { gatherRows, RandomStream, tf, useEngine, valueAndGradients } from '@subtext/tensor';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { examples, examplesFor, type Family, smallReasoner, stages } from '../../test/small-reasoners';
import { collateLayouts, type ReasonerBatch } from '../batches/reasoner-batch';
import { continuousForward } from '../forward/continuous-forward';
import { Reasoner, type Layout, type ContinuousThoughts } from '../index';

const method = {
  name: 'heima' as const,
  feedBack: true,
  thinkingTokens: { kind: 'stages' as const, counts: { summary: 1, caption: 3, reasoning: 2 } },
};
let reasoner: Reasoner | undefined;
beforeAll(async () => void (await useEngine({ engine: 'wasm' })));
afterEach(() => {
  reasoner?.dispose();
  reasoner = undefined;
});

/** A reasoner whose matrix is not zero. */
function fedBack({
  family = 'llama',
  visibility = 'chain' as const,
  closingTags = true,
}: { family?: Family; visibility?: 'chain'; closingTags?: boolean } = {}) {
  const made = smallReasoner({ family, method: { ...method, closingTags }, visibility });
  reasoner = made.reasoner;
  const random = new RandomStream({ seed: 3 });
  const matrix = reasoner.feedback!.parameters.get('matrix.weight');
  matrix.assign(
    tf.tensor(
      Float32Array.from({ length: matrix.size }, () => 0.4 * (random.uniform() - 0.5)),
      matrix.shape,
    ),
  );
  return made;
}

type Fed = ReasonerBatch & { continuous: ContinuousThoughts };

describe('thinking tokens to which the state before them is added', () => {
  it.each([
    { family: 'llama', closingTags: true },
    { family: 'mistral', closingTags: true },
    { family: 'llama', closingTags: false },
  ] as const)('are the same in training and in answering: $family, closing tags $closingTags', async (options) => {
    const { family } = options;
    const { reasoner: own } = fedBack(options);
    const questions = examplesFor(family);
    // The chain is forced: what a random model writes has no thoughts.
    const phase = own.method.curriculum({ stages }).at(-1)!;
    const layouts = questions.map((example) => own.method.layout({ example, phase, context: own.layoutContext() }));
    const batch = collateLayouts({ layouts, padId: 0, lossWeight: 1 }) as Fed;
    expect(batch.continuous.added!.map(({ thinking }) => [...thinking])).toEqual(
      new Array(6).fill(questions.map(() => 1)),
    );
    const states = tf.tidy(() => continuousForward({ model: own.model, feedback: own.feedback, batch }).states);
    const values = (await states.data()) as Float32Array;
    states.dispose();
    const { width } = own.model.dimensions;
    for (const [row, layout] of layouts.entries()) {
      const written = await writeForced({ own, question: questions[row]!, layout });
      for (const [index, state] of written.entries()) {
        const position = layout.promptLength - 1 + index;
        const trained = values.subarray(
          (row * batch.time + position) * width,
          (row * batch.time + position + 1) * width,
        );
        expect(Math.max(...state.map((value, unit) => Math.abs(value - trained[unit]!)))).toBeLessThan(1e-4);
      }
    }
  });

  it('are fed again as they were, and differ from tokens without a state', async () => {
    const { reasoner: own } = fedBack();
    const questions = examplesFor('llama');
    const phase = own.method.curriculum({ stages }).at(-1)!;
    const layouts = questions.map((example) => own.method.layout({ example, phase, context: own.layoutContext() }));
    const [first] = layouts;
    const withStates = await writeForced({ own, question: questions[0]!, layout: first! });
    own.feedback!.parameters.get('matrix.weight').assign(tf.zerosLike(own.feedback!.parameters.get('matrix.weight')));
    const without = await writeForced({ own, question: questions[0]!, layout: first! });
    const differs = withStates.map((state, index) =>
      state.some((value, unit) => Math.abs(value - without[index]![unit]!) > 1e-3),
    );
    const firstThought = first!.thoughts[0]!.position - first!.promptLength + 1;
    expect(differs.slice(0, firstThought)).toEqual(new Array(firstThought).fill(false));
    expect(differs.slice(firstThought).some(Boolean)).toBe(true);
  });

  it('have exact gradients', () => {
    const { reasoner: own } = fedBack();
    const phase = own.method.curriculum({ stages }).at(-1)!;
    const layouts = examplesFor('llama').map((example) =>
      own.method.layout({ example, phase, context: own.layoutContext() }),
    );
    const batch = collateLayouts({ layouts, padId: 0, lossWeight: 1 }) as Fed;
    const parameters = own.feedback!.parameters;
    const compute = () => {
      const { states } = continuousForward({ model: own.model, feedback: own.feedback, batch });
      return tf.sum(tf.sin(gatherRows({ input: states, indices: batch.lossRows }))) as tf.Scalar;
    };
    const { gradients } = valueAndGradients({ parameters, compute });
    const gradient = Object.values(gradients)[0]!.dataSync();
    const matrix = parameters.get('matrix.weight');
    const values = matrix.dataSync().slice() as Float32Array;
    for (const at of [0, 77, 301]) {
      const shifted = (by: number) => {
        const moved = values.slice();
        moved[at] = moved[at]! + by;
        matrix.assign(tf.tensor(moved, matrix.shape));
        return tf.tidy(() => compute().dataSync()[0]!);
      };
      // Rounding leaves about 0.02 of the estimate.
      const step = 3e-3;
      const estimate = (shifted(step) - shifted(-step)) / (2 * step);
      expect(Math.abs(estimate - gradient[at]!)).toBeLessThan(0.05 * Math.max(1, Math.abs(estimate)));
    }
    tf.dispose(Object.values(gradients));
  });

  it('are saved with the model, and refused without their matrix', async () => {
    const { reasoner: own } = fedBack();
    const folder = await mkdtemp(join(tmpdir(), 'subtext-added-'));
    try {
      await own.save({ folder });
      const loaded = await Reasoner.load({ folder });
      expect(loaded.feedback!.parameters.get('matrix.weight').dataSync()).toEqual(
        own.feedback!.parameters.get('matrix.weight').dataSync(),
      );
      loaded.dispose();
      const path = join(folder, 'subtext.json');
      const settings = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
      expect(settings.feedback).toEqual({ kind: 'matrix' });
      delete settings.feedback;
      await writeFile(path, JSON.stringify(settings));
      await expect(Reasoner.load({ folder })).rejects.toMatchObject({ code: 'not-a-reasoner' });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

/** The states `[width]` of the response's positions, from the prompt's last on, written token by token as generation does. */
async function writeForced({
  own,
  question,
  layout,
}: {
  own: Reasoner;
  question: (typeof examples)[number];
  layout: Layout;
}): Promise<Float32Array[]> {
  const forced = layout.ids.slice(layout.promptLength);
  // What the model chooses is overruled by the id that is due.
  let at = 0;
  const { Session } = await import('./session');
  const { embeddings, forwardExtras, mask } = await own.embedSequences({
    questions: [question],
    sequences: [layout.ids.slice(0, layout.promptLength)],
  });
  const session = new Session({
    model: own.model,
    batch: 1,
    capacity: layout.ids.length,
    forwardExtras,
    sights: own.sights({ questions: [question] }),
  });
  const embed = own.embedNext!;
  const first = session.feed({ embeddings, mask, ids: [layout.ids.slice(0, layout.promptLength)], outputPositions: 1 });
  const states = [first];
  for (; at < forced.length - 1; at++) {
    const input = tf.tidy(() => embed({ ids: Int32Array.of(forced[at]!), states: states.at(-1)! }));
    states.push(session.feed({ embeddings: input, ids: [[forced[at]!]] }));
    input.dispose();
  }
  const values = await Promise.all(states.map((state) => state.data() as Promise<Float32Array>));
  tf.dispose([states, embeddings]);
  session.dispose();
  return values;
}
