import { tf, useEngine } from '@subtext/tensor';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { examplesFor, type Family, smallReasoner, stages } from '../../test/small-reasoners';
import { continuousForward } from '../forward/continuous-forward';
import { embedBatch } from '../forward/embed-batch';
import { collateLayouts, type Layout, type Reasoner, type ReasonerBatch } from '../index';
import { replayAnswers } from '../session/replay';
import { readThoughts, thoughtPlaces } from '../session/seen-thoughts';
import { replacedPlaces } from '../session/think-again';
import { canExchange, collateExchanged, withAnswer } from './exchanged-layouts';

let opened: ReturnType<typeof smallReasoner> | undefined;
beforeAll(async () => void (await useEngine({ engine: 'wasm' })));
afterEach(() => {
  opened?.reasoner.dispose();
  opened = undefined;
});

/** Two examples with their layouts, all stages hidden. */
async function pair(family: Family, feedBack: boolean) {
  opened = smallReasoner({
    family,
    method: { name: 'heima', feedBack, thinkingTokens: { kind: 'fixed', count: 2 } },
    visibility: 'chain',
  });
  const { reasoner, pictures } = opened;
  // What is fed back is something from the start.
  for (const [, variable] of reasoner.feedback?.parameters.entries() ?? [])
    tf.tidy(() => variable.assign(tf.randomNormal(variable.shape, 0, 0.2, 'float32', 7)));
  // The first asks in fewer words than the third.
  const shown = [examplesFor(family)[0]!, examplesFor(family)[2]!];
  await pictures?.measure(shown.map(({ image }) => image));
  await reasoner.measurePictures(shown);
  const layouts = shown.map((example) => {
    const context = pictures?.contextFor({ context: reasoner.layoutContext(), image: example.image });
    return reasoner.method.layout({
      example,
      phase: reasoner.method.curriculum({ stages }).at(-1)!,
      context: context ?? reasoner.layoutContext(),
    });
  });
  return { reasoner, pictures, shown, layouts };
}

/** The states of what stands behind a stage when another's keys and values are put in its thoughts' places. */
async function answered({
  reasoner,
  shown,
  layouts,
  stage,
}: {
  reasoner: Reasoner;
  shown: ReturnType<typeof examplesFor>;
  layouts: readonly Layout[];
  stage: string;
}): Promise<Float32Array[]> {
  const answers = layouts.map(({ ids, promptLength, thoughts }) => ({
    prompt: ids.slice(0, promptLength),
    ids: ids.slice(promptLength),
    thoughts: thoughts.map((thought) => ({
      ...thought,
      position: thought.position - promptLength,
      input: ids[thought.position]!,
      hidden: new Float32Array(1),
    })),
  }));
  const [, donor] = await readThoughts({ reasoner, questions: shown, answers });
  const [own] = answers;
  const slots = thoughtPlaces({ answer: own!, reading: reasoner.settings.thoughtReading });
  const places = own!.thoughts.flatMap((thought, place) =>
    thought.stage === stage
      ? replacedPlaces({
          slots: slots[place]!,
          state: donor!.find((one) => one.stage === stage && one.index === thought.index)!.state,
        })
      : [],
  );
  const replay = await replayAnswers({
    reasoner,
    questions: shown.slice(0, 1),
    answers: [own!],
    sequences: [layouts[0]!.ids],
    places: [places],
  });
  const states = replay.session.feed(replay.inputs);
  const values = (await states.data()) as Float32Array;
  const { width } = reasoner.model.dimensions;
  states.dispose();
  replay.dispose();
  return layouts[0]!.ids.map((_, position) => values.slice(position * width, (position + 1) * width));
}

describe('exchanged thoughts while training', () => {
  it.each<[Family, string]>([
    ['llama', 'summary'],
    ['llama', 'caption'],
    ['llama', 'reasoning'],
    ['llava', 'caption'],
    ['idefics3', 'caption'],
  ])('of a %s (%s) are what they are when keys and values are exchanged in answering', async (family, stage) => {
    const { reasoner, pictures, shown, layouts } = await pair(family, false);
    const [own, donor] = layouts as [Layout, Layout];
    expect(own.promptLength).not.toBe(donor.promptLength);
    const expected = await answered({ reasoner, shown, layouts, stage });
    const batch = collateExchanged({ pairs: [{ own, donor, stage }], padId: 0, lossWeight: 1 });
    const images = await pictures?.prepare([shown[1]!.image, shown[0]!.image]);
    const { model } = reasoner;
    const states = tf.tidy(() => {
      const { embeddings, forwardExtras } = embedBatch({ model, ...batch, images });
      const { values, largest } = batch.positions!;
      return model.forward({
        ...forwardExtras,
        embeddings,
        positions: tf.tensor2d(values, [1, batch.time], 'int32'),
        largestPosition: largest,
      }).hidden;
    });
    const values = (await states.data()) as Float32Array;
    states.dispose();
    const { width } = model.dimensions;
    const cut = batch.time - own.ids.length;
    const last = Math.max(...own.thoughts.filter((thought) => thought.stage === stage).map(({ position }) => position));
    for (let position = last + 1; position < own.ids.length; position++)
      for (const [unit, value] of expected[position]!.entries())
        expect(Math.abs(values[(cut + position) * width + unit]! - value)).toBeLessThan(2e-4);
  });

  it('that are fed back are made anew behind the exchange, and with one’s own nothing changes', async () => {
    const { reasoner, layouts } = await pair('llama', true);
    const [own, donor] = layouts as [Layout, Layout];
    const { model, feedback } = reasoner;
    const { width } = model.dimensions;
    const run = (batch: ReasonerBatch) =>
      tf.tidy(() =>
        continuousForward({ model, feedback, batch: { ...batch, continuous: batch.continuous! } })
          .states.dataSync()
          .slice(),
      ) as Float32Array;
    const exchanged = (other: Layout) => {
      const batch = collateExchanged({ pairs: [{ own, donor: other, stage: 'caption' }], padId: 0, lossWeight: 1 });
      return run(batch).subarray((batch.time - own.ids.length) * width);
    };
    const alone = run(collateLayouts({ layouts: [own], padId: 0, lossWeight: 1 }));
    const [self, others] = [exchanged(own), exchanged(donor)];
    for (const [index, value] of alone.entries()) expect(Math.abs(self[index]! - value)).toBeLessThan(2e-4);
    const differs = (position: number) =>
      others
        .subarray(position * width, (position + 1) * width)
        .some((value, unit) => Math.abs(value - alone[position * width + unit]!) > 1e-3);
    const placesOf = (stage: string) =>
      own.thoughts.flatMap((thought) => (thought.stage === stage ? [thought.position] : []));
    // Up to the caption all is one's own; the reasoning and the answer go on from the other's.
    for (let position = 0; position <= Math.max(...placesOf('caption')); position++)
      expect(differs(position)).toBe(false);
    for (const position of [...placesOf('reasoning'), own.ids.length - 2]) expect(differs(position)).toBe(true);
  });

  it('need a table, a hidden stage, and nothing in words between it and the answer', () => {
    opened = smallReasoner({ method: { name: 'heima', fromWords: 1, toWords: 1 }, visibility: 'chain' });
    const { reasoner } = opened;
    const [example] = examplesFor('llama');
    const phases = reasoner.method.curriculum({ stages });
    const layout = (phase: number, counters?: number[]) =>
      reasoner.method.layout({ example: example!, phase: phases[phase]!, context: reasoner.layoutContext(), counters });
    expect(canExchange({ layout: layout(3), stage: 'caption' })).toBe(true);
    expect(canExchange({ layout: layout(3), stage: 'plan' })).toBe(false);
    // The reasoning is text still.
    expect(canExchange({ layout: layout(2), stage: 'caption' })).toBe(false);
    // Words that thoughts are made from, and words that tell them behind the answer, say what the thoughts say.
    const told = layout(3, [1, 2]);
    expect(told.roles!.at(-1)).toMatch(/^\[/);
    expect(canExchange({ layout: told, stage: 'caption' })).toBe(true);
    const changed = withAnswer({ layout: told, answer: 'blue', context: reasoner.layoutContext() });
    expect(changed.roles!.at(-1)).toBe('answer');
    expect(changed.ids).toHaveLength(changed.roles!.length);
    const { visibility: _visibility, ...published } = layout(3);
    expect(canExchange({ layout: published, stage: 'caption' })).toBe(false);
  });

  it('another answer is all that must be predicted', async () => {
    const { reasoner, layouts } = await pair('llama', false);
    const context = reasoner.layoutContext();
    const [own] = layouts as [Layout, Layout];
    const changed = withAnswer({ layout: own, answer: 'blue', context });
    const answer = own.roles!.indexOf('answer');
    expect(
      changed.ids.map((id) => (id === reasoner.tokenizer.idOf('blue') ? reasoner.tokenizer.idOf('red') : id)),
    ).toEqual(own.ids);
    expect(changed.labels.slice(0, answer).every((label) => label === -100)).toBe(true);
    expect(changed.labels.slice(answer)).toEqual(changed.ids.slice(answer));
  });
});
