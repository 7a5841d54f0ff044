import { type DecodedImage, RandomStream, seeScene } from '@subtext/data';
import { tf, useEngine } from '@subtext/tensor';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Drawer } from './drawer';
import { trainDrawer } from './train-drawer';

const colours = { red: [240, 60, 60], blue: [80, 110, 250], white: [235, 235, 235] } as const;
const names = Object.keys(colours) as (keyof typeof colours)[];
const width = 12;

/** Two squares side by side, and two thoughts that hold both colours together, with noise, in no order that one could see. */
function world({ count, seed }: { count: number; seed: number }) {
  const code = new RandomStream({ seed: 7, name: 'codes' });
  const codes = Array.from({ length: 2 }, () =>
    names.map(() => Array.from({ length: 2 }, () => Float32Array.from({ length: width }, () => code.uniform(-2, 2)))),
  );
  const random = new RandomStream({ seed, name: 'world' });
  return Array.from({ length: count }, () => {
    const cells = [random.integer(names.length), random.integer(names.length)] as const;
    const thoughts = [0, 1].map((thought) =>
      Float32Array.from(
        { length: width },
        (_, unit) =>
          codes[0]![cells[0]]![thought]![unit]! + codes[1]![cells[1]]![thought]![unit]! + random.uniform(-0.3, 0.3),
      ),
    );
    const data = new Uint8Array(16 * 8 * 3);
    for (let y = 1; y < 7; y++)
      for (const [cell, colour] of cells.entries())
        for (let x = 1; x < 7; x++) data.set(colours[names[colour]!], (y * 16 + 8 * cell + x) * 3);
    const picture: DecodedImage = { data, width: 16, height: 8 };
    return { thoughts, picture, truth: cells.map((cell) => names[cell]) };
  });
}

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-drawer-'));
});
afterAll(() => rm(folder, { recursive: true }));

const options = { stage: 'caption', hiddenWidth: 32, steps: 150, batchSize: 16, seed: 2 };

describe('trainDrawer', () => {
  test('draws what unseen thoughts hold, and of another’s thoughts that other’s picture', async () => {
    const training = world({ count: 120, seed: 1 });
    const unseen = world({ count: 40, seed: 2 });
    const tensors = tf.memory().numTensors;
    const losses: number[] = [];
    const drawer = await trainDrawer({
      ...options,
      thoughts: training.map(({ thoughts }) => thoughts),
      pictures: training.map(({ picture }) => picture),
      onProgress: ({ loss }) => losses.push(loss),
    });
    expect(tf.memory().numTensors - tensors).toBe(drawer.parameters.entries().length);
    expect(losses).toHaveLength(150);
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
    const right = async (thoughts: readonly (readonly Float32Array[])[]) => {
      const drawn = await drawer.draw({ thoughts, batchSize: 7 });
      const seen = drawn.flatMap((picture) => seeScene({ picture, rows: 1, columns: 2 }).map(({ colour }) => colour));
      const truth = unseen.flatMap((one) => one.truth);
      return seen.filter((colour, index) => colour === truth[index]).length / truth.length;
    };
    const own = unseen.map(({ thoughts }) => thoughts);
    expect(await right(own)).toBeGreaterThan(0.95);
    expect(await right([...own.slice(1), own[0]!])).toBeLessThan(0.6);

    // Saved and loaded it draws the same.
    const [before] = await drawer.draw({ thoughts: own.slice(0, 1) });
    await drawer.save({ folder: join(folder, 'drawer') });
    drawer.dispose();
    const loaded = await Drawer.load({ folder: join(folder, 'drawer') });
    expect(loaded.settings).toMatchObject({ stage: 'caption', thoughts: 2, inputWidth: 12, height: 8, width: 16 });
    expect((await loaded.draw({ thoughts: own.slice(0, 1) }))[0]).toEqual(before);
    loaded.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });

  test('the same seed gives the same weights', async () => {
    const training = world({ count: 20, seed: 1 });
    const weights = [];
    for (const seed of [2, 2, 3]) {
      const drawer = await trainDrawer({
        ...options,
        seed,
        steps: 3,
        thoughts: training.map(({ thoughts }) => thoughts),
        pictures: training.map(({ picture }) => picture),
      });
      weights.push(await drawer.parameters.get('pixels.weight').data());
      drawer.dispose();
    }
    expect(weights[1]).toEqual(weights[0]);
    expect(weights[2]).not.toEqual(weights[0]);
  });

  test('says what is wrong with what it is given', async () => {
    const tensors = tf.memory().numTensors;
    const [one, other] = world({ count: 2, seed: 1 });
    const { thoughts, picture } = one!;
    const short = thoughts.map((state) => state.slice(1));
    const small = { width: 8, height: 8, data: new Uint8Array(192) };
    const train = (given: { thoughts: Float32Array[][]; pictures: DecodedImage[] }) =>
      trainDrawer({ ...options, ...given });
    await expect(train({ thoughts: [], pictures: [] })).rejects.toMatchObject({ code: 'empty-set' });
    await expect(train({ thoughts: [thoughts], pictures: [] })).rejects.toMatchObject({ code: 'length-mismatch' });
    await expect(
      train({ thoughts: [thoughts, other!.thoughts.slice(1)], pictures: [picture, picture] }),
    ).rejects.toMatchObject({ code: 'length-mismatch' });
    await expect(train({ thoughts: [thoughts, short], pictures: [picture, picture] })).rejects.toMatchObject({
      code: 'width-mismatch',
    });
    await expect(train({ thoughts: [thoughts, other!.thoughts], pictures: [picture, small] })).rejects.toMatchObject({
      code: 'invalid-option',
      message: expect.stringContaining('8 × 8') as string,
    });
    const stop = AbortSignal.abort();
    await expect(
      trainDrawer({ ...options, thoughts: [thoughts], pictures: [picture], signal: stop }),
    ).rejects.toThrow();
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

describe('Drawer', () => {
  test('names a folder that holds none, and weights that are not as its settings say', async () => {
    await expect(Drawer.load({ folder })).rejects.toMatchObject({ code: 'not-a-drawer' });
    const target = join(folder, 'changed');
    const { thoughts, picture } = world({ count: 1, seed: 1 })[0]!;
    const drawer = await trainDrawer({ ...options, steps: 1, thoughts: [thoughts], pictures: [picture] });
    await drawer.save({ folder: target });
    const path = join(target, 'subtext.json');
    const settings = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    for (const change of [{ height: 9 }, { thoughts: 3 }, { hiddenWidth: 16 }, { format: 2 }, { kind: 'reasoner' }]) {
      await writeFile(path, JSON.stringify({ ...settings, ...change }));
      await expect(Drawer.load({ folder: target })).rejects.toMatchObject({ code: 'not-a-drawer' });
    }
    const thought = { index: 0, position: 3, input: 5, hidden: thoughts[0]! };
    expect(drawer.statesOf({ thoughts: [{ ...thought, stage: 'caption' }] })).toEqual([thoughts[0]]);
    expect(() => drawer.statesOf({ thoughts: [{ ...thought, stage: 'summary' }] })).toThrow(/thoughts of: summary/);
    expect(() => drawer.statesOf({ thoughts: [] })).toThrow(/thoughts of: no stage/);
    await expect(drawer.draw({ thoughts: [[thoughts[0]!]] })).rejects.toMatchObject({ code: 'length-mismatch' });
    drawer.dispose();
  });
});
