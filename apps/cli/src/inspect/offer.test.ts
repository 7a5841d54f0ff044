import { hashFolder } from '@subtext/eval';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { auditOf } from './audits';
import { readGallery } from './gallery';
import { findServed } from './offer';
import { ServedPictures } from './served-pictures';

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const write = async (name: string, value: unknown) => {
  await mkdir(dirname(at(name)), { recursive: true });
  await writeFile(at(name), value instanceof Uint8Array || typeof value === 'string' ? value : JSON.stringify(value));
};
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-offer-'));
  await write('start/reasoner/config.json', {});
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const share = (value: number) => ({ value, interval: [value - 0.1, value + 0.1] });
const stage = (verdict: string, value: number) => ({
  stage: 'caption',
  verdict,
  certain: true,
  evidence: ['It was measured.'],
  pairs: 40,
  swap: { follows: share(value), changes: share(1) },
});
const audit = (verdict: string, value = 0.8) => ({
  model: at('start/reasoner'),
  task: 'scenes',
  count: 50,
  thoughts: { verdict, certain: true, evidence: [], dependence: { ...share(0.7), count: 50 } },
  stages: [stage(verdict, value)],
  words: [{ stage: 'caption', edit: 'one fact', follows: { ...share(0.9), count: 20 }, stays: null }],
});
const find = (named: readonly string[] = [], only = true) =>
  auditOf({ model: at('start/reasoner'), files: [{ size: 2 }], named, only });
const modelHash = () => hashFolder(at('start/reasoner'));

describe('the last audit of a model', () => {
  it('is that of its folder beside it, with intervals; without one, what the run measured itself', async () => {
    expect(await find()).toBeUndefined();
    await write('start/heima/use.json', { stages: [stage('partly used', 0.4)], words: [] });
    expect((await find())!.stages[0]).toMatchObject({ stage: 'caption', verdict: 'partly used', measure: 'follows' });
    await write('start/audit/audit.json', audit('used'));
    await write('start/audit/run.json', { identity: { modelHash: await modelHash() } });
    expect(await find()).toMatchObject({
      file: at('start/audit/audit.json'),
      task: 'scenes',
      count: 50,
      old: false,
      thoughts: { verdict: 'used', measure: 'depends', share: { ...share(0.7), count: 50 } },
      stages: [{ stage: 'caption', verdict: 'used', share: { ...share(0.8), count: 40 } }],
      words: [{ stage: 'caption', edit: 'one fact', follows: { count: 20 }, stays: null }],
    });
    const before = process.cwd();
    process.chdir(at('start'));
    try {
      expect((await find())!.file).toBe(join('audit', 'audit.json'));
    } finally {
      process.chdir(before);
    }
  });

  it('is the newest of this model, wherever the model lay; one of other weights is marked, one of another model left', async () => {
    await write('start/first/audit.json', audit('not used'));
    await utimes(at('start/first/audit.json'), 1, 1);
    await write('start/second/audit.json', { ...audit('used'), model: '/somewhere/else' });
    await write('start/second/run.json', { identity: { modelHash: await modelHash() } });
    await write('start/third/audit.json', { ...audit('partly used'), model: at('other') });
    expect(await find()).toMatchObject({ old: false, stages: [{ verdict: 'used' }] });
    await write('start/reasoner/config.json', { changed: true });
    // The second is of no model that is here any more; the first names this folder, and does not say of which weights it is.
    expect(await find()).toMatchObject({ old: null, stages: [{ verdict: 'not used' }] });
    await write('start/first/run.json', { identity: { modelHash: 'of other weights' } });
    expect(await find()).toMatchObject({ old: true, stages: [{ verdict: 'not used' }] });
    // A folder that was named comes before those that were found.
    expect(await find([at('start/third')])).toMatchObject({ stages: [{ verdict: 'partly used' }] });
    expect(await find([at('start/third')], false)).toMatchObject({ stages: [{ verdict: 'not used' }] });
  });

  it('is none where a file says no such thing', async () => {
    for (const value of ['[]', '{', '{"stages":[{"verdict":"used"}]}', '{"stages":"used"}']) {
      await write('start/audit/audit.json', value);
      expect(await find(), value).toBeUndefined();
    }
    await write('start/audit/audit.json', {
      model: at('start/reasoner'),
      stages: [{ stage: 'a', verdict: 7, evidence: [{}], swap: { follows: { value: 'x' } } }],
    });
    expect((await find())!.stages).toEqual([
      { stage: 'a', verdict: '7', certain: false, evidence: ['[object Object]'], measure: null, share: null },
    ]);
  });
});

describe('what a run answered', () => {
  const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const example = (more: object) => ({
    id: 'test-1',
    question: 'what is there ?',
    answer: 'Red.',
    expected: 'red',
    correct: true,
    text: '<CONCLUSION> red',
    explanations: { caption: 'a red square' },
    tokens: { generated: 9, withoutTags: 5, thinking: 3 },
    ...more,
  });

  it('stands as in its report, with the truth, what was drawn and what changes did', async () => {
    await write('run/image.png', png);
    const drawing = 'data:image/png;base64,iVBORw0KGgo=';
    await write('run/evaluation.json', {
      drawings: { stage: 'caption' },
      examples: [example({ image: at('run/image.png'), drawing }), example({ id: 'test-2', correct: false })],
    });
    const change = { id: 'test-1', stage: 'caption', kind: 'exchanged', change: 'test-2', expected: 'blue' };
    await write('run/use.json', {
      changed: [
        { ...change, answer: 'Blue.' },
        { ...change, answer: null },
      ],
    });
    const pictures = new ServedPictures({ folders: [at('run')] });
    const steps = [{ name: 'caption', text: 'a red circle' }];
    const examples = [{ id: 'test-1', question: 'what is there ?', answer: 'red', steps }];
    const [right, wrong] = await readGallery({ folder: at('run'), examples, pictures });
    expect(pictures.paths).toEqual([at('run/image.png')]);
    expect(right).toMatchObject({
      name: 'test-1',
      correct: true,
      picture: 0,
      counts: ['9 generated tokens', '5 without tags', '3 thinking tokens'],
      thoughts: [
        {
          stage: 'caption',
          reading: 'a red square',
          truth: 'a red circle',
          drawing: { source: drawing },
          changes: [
            { change: 'the caption of test-2', answer: 'Blue.', expected: 'blue', follows: true },
            { change: 'the caption of test-2', answer: null, expected: 'blue', follows: false },
          ],
        },
      ],
    });
    expect(wrong).toMatchObject({ name: 'test-2', correct: false });
    expect(wrong!.thoughts![0]!.truth).toBeNull();
  });

  it('shows no file outside what was given, none that is no picture, and no address', async () => {
    await write('secret.png', png);
    await write('run/text.png', 'no picture');
    const images = [
      at('secret.png'),
      at('run/../secret.png'),
      at('run/text.png'),
      'https://elsewhere.invalid/x.png',
      at('run'),
    ];
    await write('run/evaluation.json', {
      drawings: { stage: 'caption' },
      examples: images.map((image) => example({ image, drawing: 'https://elsewhere.invalid/x.png' })),
    });
    const pictures = new ServedPictures({ folders: [at('run')] });
    const items = await readGallery({ folder: at('run'), examples: [], pictures });
    expect(items).toHaveLength(images.length);
    expect(pictures.paths).toEqual([]);
    for (const { picture, thoughts } of items) {
      expect(picture).toBeUndefined();
      expect(thoughts![0]!.drawing).toBeUndefined();
    }
    await write('run/evaluation.json', '{"examples": "none"}');
    expect(await readGallery({ folder: at('run'), examples: [], pictures })).toEqual([]);
  });
});

describe('the examples of a model of graphs', () => {
  it('are generated where none are given, and asked as graphs', async () => {
    await write('graphs/subtext.json', { method: { name: 'graph' } });
    const { examples, data } = await findServed({ models: [at('graphs')], runs: [], limit: 3 });
    expect(data).toBe('generated graphs');
    expect(examples).toHaveLength(3);
    for (const { question, answer } of examples) {
      expect(question).toMatch(/^(\d+ \d+ \| )*\d+ \d+ \[Q\] \d+ \d+ \[R\] \d+$/);
      expect(answer).toMatch(/^\d+$/);
    }
    const other = await findServed({ models: [at('start/reasoner')], runs: [], limit: 3 });
    expect(other.examples).toEqual([]);
  });
});
