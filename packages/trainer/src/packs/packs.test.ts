import { generateFactSheets } from '@subtext/data';
import { loadModel } from '@subtext/model';
import {
  documentIds,
  documentPack,
  loadPack,
  modelFingerprint,
  packedReasoner,
  PackedModel,
  Reasoner,
  savePack,
} from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { selfStudy } from '../objectives/self-study';
import { composeProgram } from '../program/program';
import { openRunner } from '../program/runner';
import { trainRun } from '../run/train-run';
import { selfStudySource } from '../sources/self-study-source';
import { studyAnswers, studyContinuations } from './study-texts';
import { trainPack, type TrainPackOptions } from './train-pack';

const [sheet] = generateFactSheets({ seed: 1, people: { minimum: 6, maximum: 6 } });
const questions = sheet!.questions.map(({ question }) => question);

let root: string;
let folder: string;
let reasoner: Reasoner;
let document: number[];
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  root = await mkdtemp(join(tmpdir(), 'subtext-packs-'));
  // A model that has hardly learnt anything: what it would say after the sheet is what counts, not whether it is right.
  const [other] = generateFactSheets({ seed: 2, people: { minimum: 6, maximum: 6 } });
  await trainRun({
    folder: join(root, 'run'),
    identity: { fingerprint: 'reader' },
    examples: [sheet!, other!].flatMap(({ text, questions: all }, index) =>
      all.map(({ question, answer }, at) => ({
        id: `${index}-${at}`,
        question: `${text}${question}`,
        steps: [],
        answer,
      })),
    ),
    reasoningFormat: 'lines',
    method: { name: 'no-cot' },
    model: {
      new: {
        model_type: 'llama',
        hidden_size: 16,
        intermediate_size: 24,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        num_key_value_heads: 2,
        max_position_embeddings: 96,
        tie_word_embeddings: true,
        initializer_range: 0.4,
      },
    },
    training: { batchSize: 8, shards: 1, learningRate: 0.01, warmupSteps: 2, text: { steps: 30 } },
  });
  folder = join(root, 'run', 'reasoner');
  reasoner = await Reasoner.load({ folder });
  document = documentIds({ reasoner, text: sheet!.text });
});
afterAll(async () => {
  reasoner.dispose();
  await rm(root, { recursive: true, force: true });
});

const optionsOf = async (name: string, more: Partial<TrainPackOptions> = {}): Promise<TrainPackOptions> => ({
  folder: join(root, name),
  model: { kind: 'folder', folder },
  document,
  texts: await studyAnswers({ reasoner, document, questions }),
  positions: 4,
  documents: ['sheet.txt'],
  steps: 30,
  batchSize: 16,
  ...more,
});

describe('texts to study a document by', () => {
  it('are what the model answers with the document, and what it writes after pieces of it', async () => {
    const whole = await reasoner.think({
      questions: questions.map((asked) => ({ question: `${sheet!.text}${asked}` })),
    });
    const texts = await studyAnswers({ reasoner, document, questions });
    expect(texts.map(({ ids, from }) => ids.slice(from))).toEqual(whole.map(({ ids }) => ids));
    const options = { model: reasoner.model, document, count: 40, given: 3, written: 5, seed: 1 };
    const written = await studyContinuations(options);
    expect(written).toHaveLength(40);
    expect(written.every(({ ids, from }) => ids.length === 8 && from === 1)).toBe(true);
    expect(await studyContinuations(options)).toEqual(written);
    expect(await studyContinuations({ ...options, seed: 2 })).not.toEqual(written);
  });

  it('are refused without questions, for methods that think in vectors, and where there is no room', async () => {
    await expect(studyAnswers({ reasoner, document, questions: [] })).rejects.toMatchObject({ code: 'empty-set' });
    const latent = Object.assign(Object.create(reasoner) as Reasoner, {
      method: { ...reasoner.method, name: 'adds', addsStates: true },
    });
    await expect(studyAnswers({ reasoner: latent, document, questions })).rejects.toMatchObject({
      code: 'invalid-option',
    });
    const { model } = reasoner;
    const long = Array.from({ length: 95 }, (_, index) => document[index % document.length]!);
    await expect(studyContinuations({ model, document: long })).rejects.toMatchObject({ code: 'invalid-option' });
  });
});

describe('self-study', () => {
  it.each(['cache', 'thoughts'] as const)(
    'draws a pack of the form %s to the document, and leaves the model',
    async (form) => {
      const source = {
        kind: 'pack',
        model: { kind: 'folder', folder },
        document,
        positions: 3,
        form,
        documents: [],
        seed: 0,
      } as const;
      const runner = await openRunner({ model: source, frozen: [] });
      const program = await composeProgram({ runner, objectives: [{ name: selfStudy.name, options: { document } }] });
      expect(program.parameters.map(({ name }) => name)).toEqual(
        form === 'cache' ? ['pack/keys.0', 'pack/values.0', 'pack/keys.1', 'pack/values.1'] : ['pack/vectors'],
      );
      const texts = await studyAnswers({ reasoner, document, questions: questions.slice(0, 6) });
      const [shard] = await selfStudySource({ texts, batchSize: 6, shards: 1, padId: 0, seed: 0 }).batch(0);
      const loss = () => tf.tidy(() => program.loss(shard!).loss);
      const { value, grads } = tf.variableGrads(loss);
      // The frozen model's weights have none.
      expect(Object.keys(grads)).toHaveLength(program.parameters.length);
      expect(value.dataSync()[0]).toBeGreaterThan(0);
      for (const { variable } of program.parameters) {
        const gradient = grads[variable.name]!.dataSync<'float32'>();
        const before = variable.dataSync<'float32'>().slice();
        const index = gradient.reduce((most, one, at) => (Math.abs(one) > Math.abs(gradient[most]!) ? at : most), 0);
        const at = (shift: number) => {
          const moved = before.slice();
          moved[index]! += shift;
          tf.tidy(() => variable.assign(tf.tensor(moved, variable.shape)));
          return loss().dataSync()[0]!;
        };
        const slope = (at(0.01) - at(-0.01)) / 0.02;
        at(0);
        expect(Math.abs(gradient[index]! - slope)).toBeLessThan(0.05 * Math.abs(slope) + 1e-4);
      }
      value.dispose();
      tf.dispose(grads);
      runner.model.dispose();
    },
  );

  it('has nothing to learn where the pack is the whole document', async () => {
    const source = {
      kind: 'pack',
      model: { kind: 'folder', folder },
      document,
      positions: document.length,
      form: 'cache',
      documents: [],
      seed: 0,
    } as const;
    const runner = await openRunner({ model: source, frozen: [] });
    const program = await composeProgram({ runner, objectives: [{ name: selfStudy.name, options: { document } }] });
    const texts = await studyAnswers({ reasoner, document, questions: questions.slice(0, 4) });
    const [shard] = await selfStudySource({ texts, batchSize: 4, shards: 1, padId: 0, seed: 0 }).batch(0);
    const { loss, metrics } = program.loss(shard!);
    expect(Math.abs(loss.dataSync()[0]!)).toBeLessThan(1e-5);
    expect(metrics.agreement!.dataSync()[0]).toBeCloseTo(1, 5);
    runner.model.dispose();
  });

  it('trains a pack with which the model answers more often as with the document, and cleans up', async () => {
    const losses: number[] = [];
    const path = join(root, 'lean.safetensors');
    const { pack, outcome } = await trainPack({
      ...(await optionsOf('train')),
      save: (made) => savePack({ path, pack: made }),
      onProgress: ({ loss }) => losses.push(loss),
    });
    expect(outcome.status).toBe('finished');
    expect(pack).toMatchObject({ span: document.length, steps: 30, documents: ['sheet.txt'], form: 'cache' });
    expect(losses.at(-1)!).toBeLessThan(0.5 * losses[0]!);
    expect(await loadPack({ path })).toEqual(pack);
    expect(await readdir(root)).not.toContain('train');
    const ask = async (of: Reasoner) =>
      (await of.think({ questions: questions.map((question) => ({ question })) })).map(({ answer }) => answer);
    const behind = async (given: typeof pack) => {
      const packed = await packedReasoner({ reasoner, packs: [given] });
      const answers = await ask(packed);
      (packed.model as PackedModel).disposePacks();
      return answers;
    };
    const whole = await behind(await documentPack({ model: reasoner.model, ids: document }));
    const same = (answers: typeof whole) => answers.filter((answer, index) => answer === whole[index]).length;
    const untrained = await behind(await documentPack({ model: reasoner.model, ids: document, positions: 4 }));
    expect(same(await behind(pack))).toBeGreaterThan(same(untrained));
    // Training has left the model as it was.
    const again = await loadModel({ folder });
    expect(pack.model).toBe(await modelFingerprint(again));
    again.dispose();
  });

  it('goes on where it was stopped, to the same bytes', async () => {
    const once = await trainPack(await optionsOf('once', { steps: 6 }));
    const stop = new AbortController();
    const options = await optionsOf('twice', { steps: 6 });
    const first = await trainPack({
      ...options,
      signal: stop.signal,
      onProgress: ({ step }) => void (step === 3 && stop.abort()),
    });
    expect(first.outcome.status).toBe('stopped');
    const second = await trainPack(options);
    expect(second.outcome.status).toBe('finished');
    expect(second.pack).toEqual(once.pack);
  });

  it('refuses what cannot be trained', async () => {
    const options = await optionsOf('refused');
    await expect(trainPack({ ...options, texts: [] })).rejects.toMatchObject({ code: 'empty-set' });
    await expect(trainPack({ ...options, document: [] })).rejects.toMatchObject({ code: 'empty-document' });
    await expect(trainPack({ ...options, positions: 1000 })).rejects.toMatchObject({ code: 'invalid-option' });
    await expect(trainPack({ ...options, shards: 17 })).rejects.toMatchObject({ code: 'invalid-option' });
    await expect(trainPack({ ...options, steps: 0 })).rejects.toMatchObject({ code: 'invalid-option' });
    const openModel = { model: reasoner.model, options: { document } };
    await expect(Promise.resolve(selfStudy.create(openModel))).rejects.toMatchObject({ code: 'invalid-option' });
  });
});
