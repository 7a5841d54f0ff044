import { readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addLora, loadAdapter, mergeLora, saveAdapter } from '@subtext/nn';
import { openSafetensors } from '@subtext/safetensors';
import { AdamW, tf, valueAndGradients } from '@subtext/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DecodingSession, generate, loadModel, nextTokenLoss, saveModel, type LanguageModel } from '../index';
import { describeOnEngines } from './engines';
import { fixtures, integers, largestDifference, readRecorded, rowsOf, type Recorded } from './recorded';

/** tooling/parity/make_family_fixtures.py */
const families = readdirSync(`${fixtures}families`);

describeOnEngines('every family of text models', () => {
  describe.each(families)('%s', (name) => {
    const source = `${fixtures}families/${name}`;
    let model: LanguageModel;
    let recorded: (tensor: string) => Recorded;
    let folder: string;

    beforeAll(async () => {
      recorded = await readRecorded(source);
      model = await loadModel({ folder: source });
      folder = await mkdtemp(join(tmpdir(), 'families-'));
    });
    afterAll(async () => {
      model.dispose();
      await rm(folder, { recursive: true });
    });

    const seen = (width: number) => {
      const mask = recorded('attention_mask').values;
      return (index: number) => mask[Math.floor(index / width)] === 1;
    };
    const forward = (of: LanguageModel, outputHiddenStates = false) =>
      of.forward({
        embeddings: of.embed(integers(recorded('input_ids'))),
        mask: integers(recorded('attention_mask')),
        outputHiddenStates,
      });
    const logitsOf = (of: LanguageModel) =>
      tf.tidy(() => of.logits(forward(of).hidden).dataSync().slice() as Float32Array);
    const lossOf = (of: LanguageModel) =>
      valueAndGradients({
        parameters: of.parameters,
        compute: () => {
          const { sum, count } = nextTokenLoss({
            model: of,
            hidden: forward(of).hidden,
            labels: rowsOf(recorded('labels')),
          });
          return tf.div(sum, count);
        },
      });

    it('gives the logits and hidden states of a left-padded batch', () => {
      tf.tidy(() => {
        const { hidden, hiddenStates } = forward(model, true);
        const { width, layers, vocabularySize } = model.dimensions;
        for (const layer of [1, layers])
          expect(
            largestDifference(hiddenStates![layer]!.dataSync(), recorded(`hidden_states.${layer}`).values, seen(width)),
            `hidden state ${layer}`,
          ).toBeLessThan(1e-4);
        expect(
          largestDifference(model.logits(hidden).dataSync(), recorded('logits').values, seen(vocabularySize)),
        ).toBeLessThan(1e-4);
      });
    });

    it('writes the same greedy tokens over a cache, one row or a left-padded batch', async () => {
      const before = tf.memory().numTensors;
      for (const tensor of ['longest', 'greedy']) {
        const whole = rowsOf(recorded(tensor));
        const prompts = rowsOf(recorded('input_ids')).slice(0, whole.length);
        const mask = rowsOf(recorded('attention_mask')).slice(0, whole.length);
        const inputs = prompts.map((row, index) => row.filter((_, position) => mask[index]![position] === 1));
        const expected = whole.map((row) => row.slice(prompts[0]!.length));
        const { ids } = await generate({ model, inputs, maxNewTokens: expected[0]!.length });
        expect(ids).toEqual(expected);
      }
      expect(tf.memory().numTensors).toBe(before);
    });

    it('gives the same gradient of every parameter', () => {
      const { value, gradients } = lossOf(model);
      expect(Math.abs((value.dataSync()[0] as number) - recorded('loss').values[0]!)).toBeLessThan(1e-5);
      const names = [...model.parameters.entries()].map(([parameter]) => parameter).sort();
      const marks = rowsOf(recorded('gradients'));
      expect(names).toHaveLength(marks.length);
      for (const [index, parameter] of names.entries()) {
        const gradient = [...gradients[parameter]!.dataSync()];
        const length = Math.hypot(...gradient);
        const mark = gradient.reduce((sum, element, place) => sum + element * Math.cos(place), 0);
        const [expectedLength, expectedMark] = marks[index] as [number, number];
        // Of keys without positions the bias moves no probability: what is recorded for it is rounding.
        const scale = Math.max(expectedLength, 1e-3);
        expect(Math.abs(length - expectedLength) / scale, parameter).toBeLessThan(1e-4);
        expect(Math.abs(mark - expectedMark) / scale, parameter).toBeLessThan(1e-4);
      }
      tf.dispose([value, ...Object.values(gradients)]);
    });

    it('is saved under the names, shapes and numbers that it was read from', async () => {
      await saveModel({ model, folder, dtype: 'F16' });
      const [saved, original] = await Promise.all([
        openSafetensors({ path: folder }),
        openSafetensors({ path: source }),
      ]);
      expect([...saved.names].sort()).toEqual([...original.names].sort());
      for (const tensor of original.names) expect(await saved.read(tensor)).toEqual(await original.read(tensor));
      await Promise.all([saved.close(), original.close()]);
      // transformers 5 refuses a whole number where it takes a float.
      const floats = async (path: string) =>
        (await readFile(join(path, 'config.json'), 'utf8')).match(/"\w+_softcapping": [\d.]+/g);
      expect(await floats(folder)).toEqual(await floats(source));
      const again = await loadModel({ folder });
      expect(logitsOf(again)).toEqual(logitsOf(model));
      again.dispose();
    });

    it('trains in full, and with adapters that are saved, loaded and merged', async () => {
      const trained = await loadModel({ folder: source });
      const before = logitsOf(trained);
      const train = (of: LanguageModel) => {
        const optimizer = new AdamW({ parameters: of.parameters, learningRate: 0.01 });
        const losses = Array.from({ length: 4 }, () => {
          const { value, gradients } = lossOf(of);
          optimizer.step({ gradients });
          const loss = value.dataSync()[0] as number;
          tf.dispose([value, ...Object.values(gradients)]);
          return loss;
        });
        optimizer.dispose();
        expect(losses[3]).toBeLessThan(losses[0]! - 0.05);
      };
      train(trained);
      trained.dispose();

      const adapted = await loadModel({ folder: source });
      addLora({ model: adapted, rank: 4, seed: 3 });
      const layers = new Set(
        [...adapted.parameters.entries()].flatMap(
          ([parameter]) => /\.(\w+)\.lora_A\.weight$/.exec(parameter)?.[1] ?? [],
        ),
      );
      expect([...layers].sort()).toEqual(
        name.startsWith('phi3')
          ? ['down_proj', 'gate_up_proj', 'o_proj', 'qkv_proj']
          : ['down_proj', 'gate_proj', 'k_proj', 'o_proj', 'q_proj', 'up_proj', 'v_proj'],
      );
      expect(largestDifference(logitsOf(adapted), before)).toBeLessThan(1e-6);
      train(adapted);
      const changed = logitsOf(adapted);
      await saveAdapter({ model: adapted, folder });
      const loaded = await loadModel({ folder: source });
      await loadAdapter({ model: loaded, folder });
      expect(largestDifference(logitsOf(loaded), changed)).toBeLessThan(1e-6);
      mergeLora({ model: loaded });
      expect(largestDifference(logitsOf(loaded), changed, seen(model.dimensions.vocabularySize))).toBeLessThan(2e-5);
      adapted.dispose();
      loaded.dispose();
    });
  });
});

describeOnEngines('a rotation that switches (LongRoPE)', () => {
  const source = `${fixtures}families/phi3-longrope`;
  const switchesAfter = 18;

  it('computes at each length what one pass computes, there and back, in a session', async () => {
    const model = await loadModel({ folder: source });
    const ids = Array.from({ length: 22 }, (_, index) => 3 + ((index * 7) % 40));
    const embed = (from: number, to: number) => model.embed(tf.tensor2d([ids.slice(from, to)], undefined, 'int32'));
    const session = new DecodingSession({ model, batch: 1, capacity: 30 });
    // The first pass makes the tables of positions, which stay.
    tf.tidy(() => void model.forward({ embeddings: embed(0, 20) }));
    const before = tf.memory().numTensors;
    let fed = 0;
    const feed = (to: number) =>
      tf.tidy(() => {
        const { hidden } = session.feed({ embeddings: embed(fed, to), outputPositions: 1 });
        const { hidden: whole } = model.forward({ embeddings: embed(0, to), outputPositions: 1 });
        expect(largestDifference(hidden.dataSync(), whole.dataSync()), `after ${to}`).toBeLessThan(1e-5);
        fed = to;
      });
    for (const to of [10, 17, switchesAfter, switchesAfter + 1, 21]) feed(to);
    // Back below the switch, as after a draft that was wrong, and over it once more.
    session.forgetLast([4]);
    fed = 17;
    for (const to of [switchesAfter, 20]) feed(to);
    session.dispose();
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  it('refuses to go on from keys that are rotated otherwise', async () => {
    const model = await loadModel({ folder: source });
    const cache = model.newCache({ batch: 1, capacity: 24 });
    tf.tidy(() => {
      const run = (time: number) => model.forward({ embeddings: tf.ones([1, time, model.dimensions.width]), cache });
      run(switchesAfter);
      expect(() => run(1)).toThrow(/Beyond 18 positions this phi3 changes the rotation of all positions/);
    });
    cache.dispose();
    model.dispose();
  });
});
