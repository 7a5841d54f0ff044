import { tf, useEngine } from '@subtext/tensor';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { drawExamples, trainNumberReasoner } from '../../test/number-world';
import { examplesFor, smallReasoner, stages } from '../../test/small-reasoners';
import { collateLayouts } from '../batches/reasoner-batch';
import { embedBatch } from '../forward/embed-batch';
import { createMethod, type Layout, type Reasoner } from '../index';

const method = { name: 'heima' as const, fromWords: 0.5 };
let reasoner: Reasoner | undefined;
beforeAll(async () => void (await useEngine({ engine: 'wasm' })));
afterEach(() => {
  reasoner?.dispose();
  reasoner = undefined;
});

/** The final states of a layout's positions, `[width]` each. */
function statesOf({ own, layout }: { own: Reasoner; layout: Layout }): Float32Array[] {
  const batch = collateLayouts({ layouts: [layout], padId: 0, lossWeight: 1 });
  const states = tf.tidy(() => {
    const { embeddings, forwardExtras } = embedBatch({ model: own.model, ...batch });
    return own.model.forward({ ...forwardExtras, embeddings }).hidden;
  });
  const values = states.dataSync() as Float32Array;
  states.dispose();
  const { width } = own.model.dimensions;
  return layout.ids.map((_, position) => values.slice(position * width, (position + 1) * width));
}

describe('words that tell thoughts', () => {
  const example = examplesFor('llama')[1]!;

  it('stand behind the answer, see their thoughts and nothing else, and nothing sees them', () => {
    reasoner = smallReasoner({ method: { name: 'heima', toWords: 1 }, visibility: 'chain' }).reasoner;
    const own = reasoner;
    const context = own.layoutContext();
    const phase = own.method.curriculum({ stages }).at(-1)!;
    const plain = own.method.layout({ example, phase, context });
    const drawn = Array.from({ length: 60 }, (_, index) =>
      own.method.layout({ example, phase, context, counters: [1, index] }),
    );
    expect(new Set(drawn.map(({ roles }) => roles!.at(-1)))).toEqual(new Set(stages.map((stage) => `[${stage}]`)));
    const layout = drawn.find(({ roles }) => roles!.at(-1) === '[summary]')!;
    const end = plain.ids.length;
    expect(layout.ids.slice(0, end)).toEqual(plain.ids);
    const { open } = context.format.step({ name: 'summary', index: 0 });
    const mark = own.tokenizer.encode(open, { addSpecialTokens: false }).ids;
    const words = own.tokenizer.encode(example.steps[0]!.text, { addSpecialTokens: false }).ids;
    expect(layout.ids.slice(end)).toEqual([...mark, ...words]);
    expect(layout.labels.slice(end)).toEqual([...mark.map(() => -100), ...words]);

    const same = (one: Float32Array[], other: Float32Array[]) =>
      one.every((state, at) => state.every((value, unit) => value === other[at]![unit]));
    const told = (one: Layout) => statesOf({ own, layout: one }).slice(end);
    const thoughts = layout.thoughts.filter(({ stage }) => stage === 'summary').map(({ position }) => position);
    const changed = (from: Layout) => ({
      ...from,
      ids: from.ids.map((id, at) =>
        at < end && !thoughts.includes(at) && plain.roles![at] !== 'prefix' ? own.tokenizer.idOf('red') : id,
      ),
    });
    expect(same(told(layout), told(changed(layout)))).toBe(false);
    const cut = { ...layout, roles: layout.roles!.map((role, at) => (thoughts.includes(at) ? '' : role)) };
    expect(same(told(layout), told(cut))).toBe(false);
    expect(same(told(cut), told(changed(cut)))).toBe(true);
    const before = (one: Layout) => statesOf({ own, layout: one }).slice(0, end);
    expect(same(before(layout), before(plain))).toBe(true);
  });

  it('count among the lengths that examples may have, also with words that thoughts are made from', () => {
    const both = smallReasoner({ method: { name: 'heima', toWords: 0.5, fromWords: 0.5 }, visibility: 'chain' });
    reasoner = both.reasoner;
    const context = reasoner.layoutContext();
    const phase = reasoner.method.curriculum({ stages }).at(-1)!;
    const lengths = (layouts: Layout[]) => Math.max(...layouts.map(({ ids }) => ids.length));
    const drawn = Array.from({ length: 400 }, (_, index) =>
      reasoner!.method.layout({ example, phase, context, counters: [2, index] }),
    );
    expect(lengths(drawn)).toBe(lengths(reasoner.method.chanceLayouts!({ example, phase, context })));
  });

  it('are refused where they would see everything', () => {
    reasoner = smallReasoner({ method: { name: 'heima' }, visibility: 'chain' }).reasoner;
    const method = createMethod({ name: 'heima', toWords: 1 });
    const phase = method.curriculum({ stages }).at(-1)!;
    const { visibility: _, ...context } = reasoner.layoutContext();
    expect(() => method.layout({ example, phase, context })).toThrow(/toWords.*choose a visibility/);
  });
});

describe('thoughts that are told in words', () => {
  const example = examplesFor('llama')[1]!;

  it('see the words and nothing else; nothing but them sees the words', () => {
    reasoner = smallReasoner({ method, visibility: 'chain' }).reasoner;
    const own = reasoner;
    const context = own.layoutContext();
    const phase = own.method.curriculum({ stages }).at(-1)!;
    // Counters under which each stage comes to be told.
    const drawn = Array.from({ length: 200 }, (_, index) =>
      own.method.layout({ example, phase, context, counters: [1, index] }),
    );
    const told = (stage: string) => drawn.find(({ roles }) => roles!.includes(`"${stage}"`))!;
    const share = drawn.filter(({ roles }) => roles!.some((role) => role.startsWith('"'))).length / drawn.length;
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.6);

    const layout = told('caption');
    const thought = layout.thoughts.find(({ stage }) => stage === 'caption')!.position;
    const before = layout.thoughts.find(({ stage }) => stage === 'summary')!.position;
    const words = layout.roles!.indexOf('"caption"');
    const question = layout.roles!.indexOf('question');
    const change = (position: number): Layout => ({
      ...layout,
      ids: layout.ids.map((id, at) => (at === position ? own.tokenizer.idOf('red') : id)),
    });
    const same = (one: Float32Array, other: Float32Array) => one.every((value, unit) => value === other[unit]);
    const plain = statesOf({ own, layout });
    const otherWords = statesOf({ own, layout: change(words) });
    const otherQuestion = statesOf({ own, layout: change(question) });
    expect(layout.ids[words]).not.toBe(own.tokenizer.idOf('red'));
    // The caption is what the words are, whatever is asked; the summary knows the question alone.
    expect(same(plain[thought]!, otherWords[thought]!)).toBe(false);
    expect(same(plain[thought]!, otherQuestion[thought]!)).toBe(true);
    expect(same(plain[before]!, otherWords[before]!)).toBe(true);
    expect(same(plain[before]!, otherQuestion[before]!)).toBe(false);
    // What comes after learns of the words through the thoughts alone.
    const reasoning = layout.thoughts.find(({ stage }) => stage === 'reasoning')!.position;
    expect(same(plain[reasoning]!, otherWords[reasoning]!)).toBe(false);
    const { roles } = layout;
    const hiddenThought = { ...layout, roles: roles!.map((role, at) => (at === thought ? '' : role)) };
    const without = statesOf({ own, layout: hiddenThought });
    const withoutOther = statesOf({ own, layout: { ...hiddenThought, ids: change(words).ids } });
    expect(same(without[reasoning]!, withoutOther[reasoning]!)).toBe(true);
  });

  it('are answered as the layout of training has them', async () => {
    reasoner = smallReasoner({ method, visibility: 'chain' }).reasoner;
    const words = { caption: 'red square' };
    const context = reasoner.layoutContext();
    const [prompt] = reasoner.prompts([{ ...example, words }]);
    const plain = reasoner.method.prompt({ example, context });
    expect(prompt).toEqual([...plain, ...['red', 'square'].map((word) => reasoner!.tokenizer.idOf(word))]);
    const roles = reasoner.method.promptRoles!({ example: { ...example, words }, context });
    expect(roles.slice(-2)).toEqual(['"caption"', '"caption"']);
    const [told, other, own] = await reasoner.think({
      questions: [{ ...example, words }, { ...example, words: { caption: 'big blue' } }, example],
      maxNewTokens: 12,
    });
    expect(told!.prompt).toEqual(prompt);
    expect(new Set([told, other, own].map((answer) => answer!.prompt.length)).size).toBe(2);
  });

  it('are what the answer follows, once that was learnt', async () => {
    reasoner = trainNumberReasoner({ visibility: 'chain', fromWords: 0.5 });
    const examples = drawExamples({ count: 24, seed: 2 });
    const own = await reasoner.think({ questions: examples });
    expect(own.map(({ answer }) => answer)).toEqual(examples.map(({ answer }) => answer));
    const others = examples.map(({ answer }, row) => ['3', '5', '7', '9'].filter((one) => one !== answer)[row % 3]!);
    const told = await reasoner.think({
      questions: examples.map((one, row) => ({ ...one, words: { step_1: `its number is ${others[row]!}` } })),
    });
    expect(told.map(({ answer }) => answer)).toEqual(others);
  });

  it('are refused where they make no sense', async () => {
    reasoner = smallReasoner({ method, visibility: 'chain' }).reasoner;
    const ask = (words: Record<string, string>, own = reasoner!) =>
      own.think({ questions: [{ question: 'what is it ?', words }] });
    await expect(ask({ picture: 'red' })).rejects.toMatchObject({
      code: 'missing-stage',
      message: expect.stringContaining('no stage "picture"') as string,
    });
    await expect(ask({ caption: ' ' })).rejects.toMatchObject({ code: 'invalid-option' });
    const untaught = smallReasoner({ method: { name: 'heima' }, visibility: 'chain' }).reasoner;
    await expect(ask({ caption: 'red' }, untaught)).rejects.toMatchObject({
      code: 'invalid-option',
      message: expect.stringContaining('method.fromWords') as string,
    });
    untaught.dispose();
    const all = createMethod(method);
    const phase = all.curriculum({ stages }).at(-1)!;
    const { visibility: _, ...context } = reasoner.layoutContext();
    expect(() => all.layout({ example, phase, context })).toThrow(/choose a visibility/);
  });
});
