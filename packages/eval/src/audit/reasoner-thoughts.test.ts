import { Explainer } from '@subtext/decoder';
import { loadModel } from '@subtext/model';
import { type Reasoner, ThoughtCache } from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

import { randomExplainer, toyExamples, toyTask, trainToyReasoner } from '../../test/toy-reasoner';
import { auditInterpreter } from './audit-interpreter';
import { auditThoughts } from './audit-thoughts';
import { explainerSubject, explanationLikelihoods } from './explainer-subject';
import {
  cutThoughts,
  replaceByAnother,
  replaceByMarkers,
  replaceByZeros,
  type ThoughtIntervention,
} from './interventions';
import { ReasonerThoughts } from './reasoner-thoughts';
import { probeReasoner } from '../probes/probe-reasoner';

const familyFolder = fileURLToPath(new URL('../../../model/fixtures/families/', import.meta.url));
const examples = toyExamples({ count: 60, seed: 9 });
let reading: Reasoner;
let looking: Reasoner;

beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  reading = trainToyReasoner({ sight: 'thought' });
  looking = trainToyReasoner({ sight: 'question' });
});

describe('ThoughtCache', () => {
  it('gives keys without their rotation, and puts a state where it was without a change', async () => {
    const { model } = reading;
    const ids = tf.tensor2d([[1, 7, 9, 7]], undefined, 'int32');
    const places = [1, 3].map((column) => ({ row: 0, column, position: column }));
    const cache = new ThoughtCache({ model, batch: 1, capacity: 4, largestPosition: 3, places });
    const plain = tf.tidy(() => model.forward({ embeddings: model.embed(ids), cache }).hidden);
    const [first, second] = (await cache.captured()) as [Float32Array, Float32Array];
    // 2 layers of keys and values of 2 heads of 8.
    expect(first).toHaveLength(2 * 2 * 16);
    // The first layer's keys and values come from the token alone: equal ones, wherever they stand.
    for (let unit = 0; unit < 32; unit++) expect(first[unit]).toBeCloseTo(second[unit]!, 4);
    expect(Math.max(...first.subarray(32).map((value, unit) => Math.abs(value - second[32 + unit]!)))).toBeGreaterThan(
      0.01,
    );

    const passWith = (replacements: Float32Array[]) => {
      const other = new ThoughtCache({ model, batch: 1, capacity: 4, largestPosition: 3, places, replacements });
      const hidden = tf.tidy(() => model.forward({ embeddings: model.embed(ids), cache: other }).hidden);
      other.dispose();
      return hidden;
    };
    const same = passWith([first, second]);
    const changed = passWith([second, first]);
    const distance = (one: tf.Tensor, other: tf.Tensor) =>
      tf.tidy(() => tf.max(tf.abs(tf.sub(one, other))).dataSync()[0]!);
    expect(distance(plain, same)).toBeLessThan(1e-4);
    expect(distance(plain, changed)).toBeGreaterThan(1e-3);
    tf.dispose([ids, plain, same, changed]);
    cache.dispose();
  });

  it.each(readdirSync(familyFolder))(
    'reads and puts back the states of a %s, whatever rotates in its layers',
    async (name) => {
      const model = await loadModel({ folder: `${familyFolder}${name}` });
      const ids = tf.tensor2d([[5, 7, 9, 7, 20, 31]], undefined, 'int32');
      const places = [1, 3].map((column) => ({ row: 0, column, position: column }));
      const run = (replacements: Float32Array[] | null) => {
        const cache = new ThoughtCache({ model, batch: 1, capacity: 6, largestPosition: 5, places, replacements });
        const values = tf.tidy(() =>
          model
            .forward({ embeddings: model.embed(ids), cache })
            .hidden.dataSync<'float32'>()
            .slice(),
        );
        return { cache, values };
      };
      const { cache, values } = run(null);
      const [first, second] = (await cache.captured()) as [Float32Array, Float32Array];
      const width = first.length / model.dimensions.layers;
      // The first layer's come from the token alone: equal ones, wherever they stand.
      for (let unit = 0; unit < width; unit++) expect(first[unit]).toBeCloseTo(second[unit]!, 4);
      const distance = (other: Float32Array) =>
        values.reduce((largest, one, index) => Math.max(largest, Math.abs(one - other[index]!)), 0);
      const same = run([first, second]);
      const changed = run([second, first]);
      expect(distance(same.values)).toBeLessThan(1e-4);
      expect(distance(changed.values)).toBeGreaterThan(1e-3);
      for (const used of [cache, same.cache, changed.cache]) used.dispose();
      ids.dispose();
      model.dispose();
    },
  );
});

describe('ReasonerThoughts', () => {
  it('answers as the reasoner does, and the same with its own thoughts put back', async () => {
    const subject = new ReasonerThoughts({ reasoner: reading, task: toyTask, batch: 16 });
    const tensors = tf.memory().numTensors;
    const answers = await reading.think({ questions: examples });
    const own = await subject.run({ examples, intervention: null });
    expect(own.map(({ answer }) => answer)).toEqual(answers.map(({ answer }) => answer ?? null));
    expect(own.filter(({ correct }) => correct).length).toBeGreaterThan(55);
    const thoughts = await subject.collect({ examples });
    expect(thoughts.map((states) => states.length)).toEqual(examples.map(() => 1));
    const back: ThoughtIntervention = { kind: 'another', name: 'own', thoughts, changed: examples.map(() => true) };
    const again = await subject.run({ examples, intervention: back });
    for (const [index, sample] of again.entries()) {
      expect(sample.answer).toBe(own[index]!.answer);
      expect(sample.negativeLogLikelihood).toBeCloseTo(own[index]!.negativeLogLikelihood, 3);
    }
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('does not depend on the batch, nor on the padding beside it', async () => {
    const [one, many] = [1, 60].map((batch) => new ReasonerThoughts({ reasoner: reading, task: toyTask, batch }));
    const few = examples.slice(0, 8);
    const intervention = replaceByAnother({ thoughts: await many!.collect({ examples: few }) });
    const left = await one!.run({ examples: few, intervention });
    const right = await many!.run({ examples: few, intervention });
    expect(left.map(({ answer }) => answer)).toEqual(right.map(({ answer }) => answer));
    for (const [index, sample] of left.entries())
      expect(sample.negativeLogLikelihood).toBeCloseTo(right[index]!.negativeLogLikelihood, 3);
  });

  it('audits as many thoughts as a reasoner decided to think, with the positions that they had', async () => {
    const reasoner = trainToyReasoner({
      method: { name: 'adaptive', hiddenSteps: 1, thoughtsPerStep: 3, textPhase: false },
      steps: 30,
    });
    const answers = await reasoner.think({ questions: examples });
    const counts = answers.map(({ thoughts }) => thoughts.length);
    // Some questions got fewer thoughts than others, or this test shows nothing.
    expect(new Set(counts).size).toBeGreaterThan(1);
    const latent = reasoner.tokenizer.idOf('<|latent|>');
    for (const { thoughts, prompt } of answers) {
      expect(thoughts.map(({ position }) => prompt.at(position))).toEqual(thoughts.map(() => latent));
      expect(prompt.filter((id) => id === latent)).toHaveLength(thoughts.length);
    }
    const subject = new ReasonerThoughts({ reasoner, task: toyTask, batch: 16 });
    const own = await subject.run({ examples, intervention: null });
    expect(own.map(({ answer }) => answer)).toEqual(answers.map(({ answer }) => answer ?? null));
    const thoughts = await subject.collect({ examples });
    expect(thoughts.map((states) => states.length)).toEqual(counts);
    const back: ThoughtIntervention = { kind: 'another', name: 'own', thoughts, changed: examples.map(() => true) };
    const again = await subject.run({ examples, intervention: back });
    for (const [index, sample] of again.entries())
      expect(sample.negativeLogLikelihood).toBeCloseTo(own[index]!.negativeLogLikelihood, 3);
    const few = { examples: examples.slice(0, 30), questions: examples.slice(0, 30), answers: answers.slice(0, 30) };
    const { lens } = await probeReasoner({ reasoner, ...few, controls: 1 });
    expect(lens!.readings).toHaveLength(3);
  });

  it('hides what is cut, which is another thing than zeros', async () => {
    const subject = new ReasonerThoughts({ reasoner: reading, task: toyTask });
    const thoughts = await subject.collect({ examples });
    const likelihoods = async (intervention: ThoughtIntervention | null) =>
      (await subject.run({ examples, intervention })).reduce((sum, sample) => sum + sample.negativeLogLikelihood, 0);
    const [own, cut, zeros] = [
      await likelihoods(null),
      await likelihoods(cutThoughts({ thoughts, kept: 0 })),
      await likelihoods(replaceByZeros({ thoughts })),
    ];
    expect(cut).toBeGreaterThan(own + 10);
    expect(Math.abs(cut - zeros)).toBeGreaterThan(0.01);
  });

  it('gives what the thoughts’ tokens hold by themselves: the same for every question', async () => {
    const subject = new ReasonerThoughts({ reasoner: reading, task: toyTask, batch: 16 });
    const thoughts = await subject.collect({ examples });
    const markers = await subject.markers({ examples });
    // The opening tag and the thinking token, 2 layers of keys and values of 2 heads of 8 each.
    expect(markers[0]![0]).toHaveLength(2 * 2 * 2 * 16);
    const distance = (one: Float32Array, other: Float32Array) =>
      one.reduce((largest, value, unit) => Math.max(largest, Math.abs(value - other[unit]!)), 0);
    for (const [index, [state]] of markers.entries()) {
      expect(distance(state!, markers[0]![0]!)).toBeLessThan(1e-4);
      // The first layer's come from the token alone, in the response too; the second's do not.
      expect(distance(state!.subarray(0, 32), thoughts[index]![0]!.subarray(0, 32))).toBeLessThan(1e-4);
      expect(distance(state!, thoughts[index]![0]!)).toBeGreaterThan(0.01);
    }
    const samples = await subject.run({ examples, intervention: replaceByMarkers({ thoughts, markers }) });
    expect(samples.filter(({ correct }) => correct).length).toBeLessThan(40);
  });

  it('tells a model that reads its thoughts from one that looks at the question', async () => {
    const audit = (reasoner: Reasoner) =>
      auditThoughts({
        subject: new ReasonerThoughts({ reasoner, task: toyTask }),
        examples,
        floor: 0.3,
        resamples: 500,
      });
    const used = await audit(reading);
    const unused = await audit(looking);
    expect(used).toMatchObject({ verdict: 'used', certain: true });
    expect(unused).toMatchObject({ verdict: 'not used', certain: true });
    const swap = used.interventions.find(({ kind }) => kind === 'swapped')!.effect!;
    expect(swap.follows!.value).toBeGreaterThan(0.8);
    expect(unused.interventions.find(({ kind }) => kind === 'swapped')!.effect!.stays!.value).toBe(1);
  });

  it('counts a response without an answer as wrong, whatever is done to it', async () => {
    const silent = trainToyReasoner({ steps: 0 });
    const subject = new ReasonerThoughts({ reasoner: silent, task: toyTask });
    const [sample] = await subject.run({ examples: examples.slice(0, 1), intervention: null });
    expect(sample).toMatchObject({ correct: false, answer: null });
    expect(sample!.negativeLogLikelihood).toBeGreaterThan(0);
    await expect(auditThoughts({ subject, examples })).rejects.toThrowError(/No example has a thought/);
    silent.dispose();
  });
});

describe('thoughts in the prompt', () => {
  it.each([
    { name: 'pause', count: 2 } as const,
    { name: 'coconut', hiddenSteps: 1, thoughtsPerStep: 2, textPhase: false } as const,
  ])('are put back and replaced too: $name', async (method) => {
    const reasoner = trainToyReasoner({ method, steps: 60 });
    const subject = new ReasonerThoughts({ reasoner, task: toyTask });
    const few = examples.slice(0, 12);
    const answers = await reasoner.think({ questions: few });
    const own = await subject.run({ examples: few, intervention: null });
    expect(own.map(({ answer }) => answer)).toEqual(answers.map(({ answer }) => answer ?? null));
    const thoughts = await subject.collect({ examples: few });
    expect(thoughts[0]).toHaveLength(2);
    const back = await subject.run({
      examples: few,
      intervention: { kind: 'another', name: 'own', thoughts, changed: few.map(() => true) },
    });
    const without = await subject.run({ examples: few, intervention: cutThoughts({ thoughts, kept: 0 }) });
    for (const [index, { negativeLogLikelihood }] of own.entries()) {
      expect(back[index]!.negativeLogLikelihood).toBeCloseTo(negativeLogLikelihood, 3);
      expect(without[index]!.negativeLogLikelihood).not.toBe(negativeLogLikelihood);
    }
    reasoner.dispose();
  });
});

describe('explainerSubject', () => {
  it('gives an interpreter that knows nothing no credit', async () => {
    const answers = await reading.think({ questions: examples });
    const explainer = randomExplainer({ reasoner: reading });
    const thoughtsOf = (example: (typeof examples)[number]) =>
      answers[examples.indexOf(example)]!.thoughts.map(({ hidden }) => hidden);
    const subject = explainerSubject({ explainer, stage: 'step_1', thoughtsOf, batch: 16 });
    // The first pass makes the model's tables of rotations, which stay.
    await explainer.explain({ requests: [{ question: 'the ant has 3', stage: 'step_1', states: [] }] });
    const tensors = tf.memory().numTensors;
    const audit = await auditInterpreter({ subject, examples, resamples: 300 });
    expect(audit).toMatchObject({ measure: 'likelihood', verdict: 'guesses from the question' });
    // A uniform guess over 31 or so tokens is ln 31 = 3.4 nats.
    expect(audit.conditions[0]!.negativeLogLikelihood.value).toBeGreaterThan(2);
    expect(tf.memory().numTensors).toBe(tensors);
    explainer.dispose();
  });
});

describe('explanationLikelihoods', () => {
  it('takes the parts of a text where the interpreter was trained on parts', async () => {
    const whole = randomExplainer({ reasoner: reading });
    const parted = new Explainer({
      interpreter: whole.interpreter,
      tokenizer: whole.tokenizer,
      settings: { ...whole.settings, parts: true },
    });
    const states = (await reading.think({ questions: examples.slice(0, 2) })).map(
      ({ thoughts }) => thoughts[0]!.hidden,
    );
    const request = { question: 'the ant has 3', stage: 'step_1', states };
    const [together] = await explanationLikelihoods({
      explainer: parted,
      requests: [request],
      texts: ['the ant has 3'],
    });
    const each = await explanationLikelihoods({
      explainer: whole,
      requests: states.map((state) => ({ ...request, states: [state] })),
      texts: ['the ant', 'has 3'],
    });
    // Each part has two words and its end.
    expect(together).toBeCloseTo((each[0]! + each[1]!) / 2, 5);
    const [alone] = await explanationLikelihoods({ explainer: whole, requests: [request], texts: ['the ant has 3'] });
    expect(Math.abs(together! - alone!)).toBeGreaterThan(1e-4);
    const written = await parted.explain({ requests: [request] });
    const singles = await whole.explain({ requests: states.map((state) => ({ ...request, states: [state] })) });
    expect(written).toEqual([singles.filter((text) => text !== '').join(' ')]);
    whole.dispose();
  });
});

describe('probeReasoner', () => {
  it('finds what the thought must hold', async () => {
    const answers = await reading.think({ questions: examples });
    const { lens, probes, geometry, autoencoder, left } = await probeReasoner({
      reasoner: reading,
      examples,
      questions: examples,
      answers,
      controls: 3,
    });
    // The thinking token is what the state before it predicts.
    expect(lens!.readings).toHaveLength(3);
    expect(lens!.readings.at(-1)![0]!.target!.rank).toBe(0);
    expect(probes.map(({ name }) => name)).toEqual(['step_1 → answer']);
    expect(probes[0]!.result.labels).toHaveLength(4);
    expect(geometry!.places).toHaveLength(1);
    expect(autoencoder).toBeNull();
    expect(left[0]).toMatch(/200 thoughts or more; there are 60/);
  });
});
