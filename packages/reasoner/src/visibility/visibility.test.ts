import { gatherRows, tf, useEngine, valueAndGradients } from '@subtext/tensor';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { examplesFor, type Family, questionWords, smallReasoner } from '../../test/small-reasoners';
import { collateLayouts, type ReasonerBatch } from '../batches/reasoner-batch';
import { continuousForward } from '../forward/continuous-forward';
import { embedBatch } from '../forward/embed-batch';
import type { Layout, MethodSpecification, Phase, Reasoner, VisibilityName, VisibilityTable } from '../index';
import { Session } from '../session/session';
import { thinkInPrompt } from '../session/think-in-prompt';

let opened: ReturnType<typeof smallReasoner> | undefined;
function open(options: Parameters<typeof smallReasoner>[0]): NonNullable<typeof opened> {
  opened?.reasoner.dispose();
  return (opened = smallReasoner(options));
}
afterEach(() => {
  opened?.reasoner.dispose();
  opened = undefined;
});

/** A batch as training makes it. `table`: instead of the reasoner's own. */
async function batchOf({
  reasoner,
  pictures,
  family,
  phase,
  rows = [0, 1, 2],
  table = reasoner.settings.visibility,
}: ReturnType<typeof smallReasoner> & {
  family: Family;
  phase?: Phase;
  rows?: readonly number[];
  table?: VisibilityTable;
}): Promise<{ batch: ReasonerBatch; layouts: Layout[] }> {
  const shown = rows.map((row) => examplesFor(family)[row]!);
  await pictures?.measure(shown.map(({ image }) => image));
  const context = { ...reasoner.layoutContext(), visibility: table };
  const layouts = shown.map((example) =>
    reasoner.method.layout({
      example,
      phase: phase ?? reasoner.method.curriculum({ stages: reasoner.settings.stages }).at(-1)!,
      context: pictures?.contextFor({ context, image: example.image }) ?? context,
    }),
  );
  const images = await pictures?.prepare(shown.map(({ image }) => image));
  return { batch: { ...collateLayouts({ layouts, padId: 0, lossWeight: 1 }), images }, layouts };
}

/** States after the final norm, `[rows · time, width]`. */
function statesOf(reasoner: Reasoner, batch: ReasonerBatch): tf.Tensor2D {
  const { model } = reasoner;
  if (batch.continuous) return continuousForward({ model, batch: { ...batch, continuous: batch.continuous } }).states;
  const { embeddings, forwardExtras } = embedBatch({ model, ...batch });
  const { hidden } = model.forward({ ...forwardExtras, embeddings });
  return tf.reshape(hidden, [batch.rows * batch.time, hidden.shape[2]]) as tf.Tensor2D;
}

/**
 * How far what a model writes in the positions of a role depends on the words of the question and on the picture: the
 * largest numbers of the gradients with respect to these words' embeddings and to the vision encoder's first layer.
 */
async function dependence({
  family,
  method,
  visibility,
  phase,
  of = 'answer',
  table,
}: {
  family: Family;
  method: MethodSpecification;
  visibility: VisibilityName;
  phase?: number;
  of?: string;
  /** Of the changed table, in place of the reasoner's own. */
  table?: (own: VisibilityTable) => VisibilityTable;
}): Promise<{ question: number; picture: number }> {
  const world = open({ family, method, visibility });
  const { reasoner, eye } = world;
  const phases = reasoner.method.curriculum({ stages: reasoner.settings.stages });
  const { batch, layouts } = await batchOf({
    ...world,
    family,
    phase: phases.at(phase ?? -1),
    table: table?.(reasoner.settings.visibility ?? {}) ?? reasoner.settings.visibility,
  });
  const rows = layouts.flatMap(({ roles }, row) =>
    roles!.flatMap((role, position) => (role === of ? [row * batch.time + position] : [])),
  );
  const { model, tokenizer } = reasoner;
  const { value, gradients } = valueAndGradients({
    parameters: model.parameters,
    compute: () =>
      tf.sum(tf.square(model.logits(gatherRows({ input: statesOf(reasoner, batch), indices: rows })))) as tf.Scalar,
  });
  const largest = (tensor: tf.Tensor) => tf.tidy(() => tf.max(tf.abs(tensor)).dataSync()[0]!);
  const embedding = Object.entries(gradients).find(([name]) => name.endsWith('embed_tokens.weight'))![1];
  const words = tf.tidy(() =>
    tf.gather(
      embedding,
      tf.tensor1d(
        questionWords.map((word) => tokenizer.encode(word, { addSpecialTokens: false }).ids[0]!),
        'int32',
      ),
    ),
  );
  const found = { question: largest(words), picture: eye === undefined ? 0 : largest(gradients[eye]!) };
  tf.dispose([value, words, ...Object.values(gradients)]);
  return found;
}

const thinking = {
  heima: { name: 'heima', thinkingTokens: { kind: 'fixed', count: 2 } },
  'heima without closing tags': { name: 'heima', closingTags: false },
  cot: { name: 'cot' },
  coconut: { name: 'coconut', hiddenSteps: 3, thoughtsPerStep: 2 },
  stepped: { name: 'coconut', hiddenSteps: 3, thoughts: 'multi-pass-pause' },
  'sim-cot': { name: 'sim-cot', hiddenSteps: 2 },
  adaptive: { name: 'adaptive', hiddenSteps: 3 },
  codi: { name: 'codi', count: 3 },
  pause: { name: 'pause', count: 2 },
} satisfies Record<string, MethodSpecification>;

const blind = (table: VisibilityTable): VisibilityTable => ({ ...table, answer: [] });

describe.each(['cpu', 'wasm'] as const)('what an answer is made of, on %s', (engine) => {
  beforeAll(async () => void (await useEngine({ engine })));

  const text = (Object.keys(thinking) as (keyof typeof thinking)[]).flatMap((method) =>
    (['answer', 'chain'] as const)
      // Continuous thoughts of stages whose chain is broken are refused.
      .filter((name) => name === 'answer' || !['coconut', 'sim-cot', 'adaptive'].includes(method))
      .map((name) => ({ method, name, family: 'llama' as const })),
  );
  const seeing = (['llava', 'mllama', 'idefics3'] as const).flatMap((family) =>
    (['heima', 'cot', 'coconut'] as const).flatMap((method) =>
      (['answer', 'chain'] as const)
        .filter((name) => name === 'answer' || method !== 'coconut')
        .map((name) => ({ method, name, family })),
    ),
  );
  const cases = engine === 'cpu' ? [text[0]!, seeing[1]!, seeing[6]!] : [...text, ...seeing];

  it.each(cases)(
    '$method of a $family under "$name": nothing, with its thoughts cut',
    async ({ method, name, family }) => {
      const options = { family, method: thinking[method], visibility: name };
      const whole = await dependence(options);
      expect(whole.question).toBeGreaterThan(0);
      if (family !== 'llama') expect(whole.picture).toBeGreaterThan(0);
      expect(await dependence({ ...options, table: blind })).toEqual({ question: 0, picture: 0 });
      // As published it is made of everything; so it would be of a closing tag.
      const published = await dependence({ ...options, visibility: 'all' });
      expect(published.question).toBeGreaterThan(0);
      const tag = method === 'codi' ? '<thought>' : method === 'pause' ? undefined : '<summary>';
      if (tag === undefined || method === 'sim-cot') return;
      const tags = await dependence({ ...options, table: (own) => ({ ...own, answer: [tag] }) });
      expect(tags.question).toBeGreaterThan(0);
    },
  );
});

describe('what a stage is made of, by the chain', () => {
  beforeAll(async () => void (await useEngine({ engine: 'wasm' })));

  it.each(['llava', 'mllama'] as const)('of a %s, as text and as thoughts', async (family) => {
    for (const phase of [0, -1]) {
      const options = { family, method: thinking.heima, visibility: 'chain' as const, phase };
      const summary = await dependence({ ...options, of: 'summary' });
      const caption = await dependence({ ...options, of: 'caption' });
      const reasoning = await dependence({ ...options, of: 'reasoning' });
      const unread = await dependence({
        ...options,
        of: 'reasoning',
        table: (own) => ({ ...own, reasoning: ['question', 'summary'] }),
      });
      expect({ summary: summary.picture, caption: caption.question, unread: unread.picture }).toEqual({
        summary: 0,
        caption: 0,
        unread: 0,
      });
      for (const seen of [summary.question, caption.picture, reasoning.question, reasoning.picture])
        expect(seen).toBeGreaterThan(0);
    }
  });
});

describe('what is written token by token', () => {
  beforeAll(async () => void (await useEngine({ engine: 'wasm' })));

  const numbered: VisibilityTable = { question: [], steps: ['question', 'previous'], answer: ['previous'] };
  it.each<[keyof typeof thinking, Family, VisibilityName | VisibilityTable]>([
    ['heima', 'llama', 'chain'],
    ['cot', 'llama', 'chain'],
    ['cot', 'mistral', 'answer'],
    ['coconut', 'llama', numbered],
    ['coconut', 'mistral', 'answer'],
    ['stepped', 'llama', numbered],
    ['pause', 'llama', 'chain'],
    ['codi', 'llama', 'chain'],
    ['heima', 'llava', 'chain'],
    ['cot', 'idefics3', 'chain'],
    ['heima', 'mllama', 'chain'],
    ['coconut', 'mllama', 'answer'],
  ])(
    '%s of a %s under %j: the states are those of training, side by side and alone',
    async (name, family, visibility) => {
      const world = open({ family, method: thinking[name], visibility });
      const { reasoner } = world;
      const { batch, layouts } = await batchOf({ ...world, family });
      const { width } = reasoner.model.dimensions;
      const trained = tf.tidy(() => statesOf(reasoner, batch).dataSync().slice()) as Float32Array;
      const questions = examplesFor(family);
      await reasoner.measurePictures(questions);
      const prompts = reasoner.prompts(questions);
      const { model } = reasoner;
      for (const group of [[0, 1, 2], [1]]) {
        const asked = group.map((row) => questions[row]!);
        const inputs = await reasoner.embedSequences({
          questions: asked,
          sequences: group.map((row) => prompts[row]!),
        });
        const responses = group.map((row) => layouts[row]!.ids.slice(prompts[row]!.length));
        const longest = Math.max(...responses.map(({ length }) => length));
        const sights = reasoner.sights({ questions: asked })!;
        const thoughts = group.map((row) =>
          layouts[row]!.thoughts.filter(({ position }) => position < prompts[row]!.length),
        );
        const thought = thoughts.some(({ length }) => length > 0)
          ? await thinkInPrompt({
              model,
              prompts: { ...inputs, ids: group.map((row) => prompts[row]!), thoughts },
              reading: 'at',
              room: longest,
              sights,
            })
          : undefined;
        const session =
          thought?.session ??
          new Session({
            model,
            batch: group.length,
            capacity: inputs.time + longest,
            sights,
            forwardExtras: inputs.forwardExtras,
          });
        const compare = (states: tf.Tensor3D, at: (row: number) => number) => {
          const values = states.dataSync();
          const time = states.shape[1];
          for (const [place, row] of group.entries()) {
            const position = at(row);
            if (position < 0 || position >= layouts[row]!.ids.length) continue;
            const own = values.subarray(((place + 1) * time - 1) * width, (place + 1) * time * width);
            const from = (row * batch.time + position) * width;
            for (const [column, value] of own.entries())
              expect(Math.abs(value - trained[from + column]!)).toBeLessThan(2e-4);
          }
          states.dispose();
        };
        compare(session.feed(thought?.rest ?? inputs), (row) => prompts[row]!.length - 1);
        for (let step = 0; step < longest; step++) {
          const ids = responses.map((response) => [response[step] ?? 0]);
          const embeddings = tf.tidy(() => model.embed(tf.tensor2d(ids, [group.length, 1], 'int32')));
          compare(session.feed({ embeddings, ids }), (row) => prompts[row]!.length + step);
          embeddings.dispose();
        }
        session.dispose();
        tf.dispose([inputs.embeddings, inputs.forwardExtras as tf.TensorContainer, thought?.rest.embeddings ?? []]);
      }
    },
  );
});
