import { imageFile } from '@subtext/data';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { subtext } from './run-command';
import { tinyConfiguration } from './tiny-run';

let folder: string;
const run = (...args: string[]) => subtext(args, { folder });
// Coconut's thoughts stand in the prompt: even a model that has learnt nothing has them.
const coconut = tinyConfiguration
  .replace(/^method: .*$/m, 'method: { name: coconut, hiddenSteps: 3 }')
  .replace(/^interpreters:[^]*$/m, '')
  .replace('workers: 2', 'workers: 0')
  .replace('text: { steps: 12 }', 'text: { steps: 2 }')
  .replace('encode: { steps: 4 }', 'encode: { steps: 1 }');
const image = () => join(folder, 'data/images/test/000001.png');
const think = (...more: string[]) =>
  run('think', 'what shape is there ?', '--model', 'run/reasoner', '--image', image(), ...more);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-draw-'));
  const counts = ['--train', '16', '--test', '4', '--json'];
  expect(await run('data', 'generate', 'scenes', 'data', ...counts)).toMatchObject({ code: 0 });
  await writeFile(
    join(folder, 'run.yaml'),
    `${coconut}\ndrawer: { stage: caption, examples: 12, steps: 4, batchSize: 4 }\n`,
  );
  await writeFile(join(folder, 'none.yaml'), coconut.replace('output: run', 'output: none'));
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a drawer', () => {
  it('is trained after the reasoner, and draws its thoughts to a picture', async () => {
    const trained = await run('train', 'run.yaml', '--json');
    expect(trained).toMatchObject({ code: 0, stderr: '' });
    const finished = JSON.parse(await readFile(join(folder, 'run/finished.json'), 'utf8')) as Record<string, unknown>;
    expect(finished).toMatchObject({ drawerExamples: 12, drawerLoss: expect.any(Number) as number });
    const settings = JSON.parse(await readFile(join(folder, 'run/reasoner/drawer/subtext.json'), 'utf8')) as object;
    expect(settings).toMatchObject({ kind: 'drawer', stage: 'caption', thoughts: 1, height: 32, width: 32 });

    const { code, events } = await think('--draw', 'drawn.png', '--json');
    expect(code).toBe(0);
    expect(events.at(-1)).toMatchObject({
      event: 'answer',
      drawn: { stage: 'caption', file: 'drawn.png', width: 32, height: 32 },
    });
    const drawn = await imageFile(join(folder, 'drawn.png')).load();
    expect(drawn).toMatchObject({ width: 32, height: 32 });
    // What is drawn are the thoughts as they were changed.
    const swap = ['--swap', 'caption', '--from', 'what colour is there ?', '--from-image', image()];
    const { stdout } = await think(...swap, '--draw', 'swapped.png');
    expect(stdout).toMatch(/caption \(drawn from its thoughts\): swapped.png/);
    expect((await imageFile(join(folder, 'swapped.png')).load()).data).not.toEqual(drawn.data);
  }, 60_000);

  it('says what is wrong before anything is written', async () => {
    for (const [override, message] of [
      ['drawer.stage=answer', /holds no stage "answer" in thoughts in the end\. Take one of: .*caption/],
      ['data.images=false', /no example has a picture/],
      ['method.name=cot', /It hides none: leave "drawer" out/],
      ['drawer.steps=0', /drawer\.steps/],
      ['drawer.colour=red', /colour/],
    ] as const) {
      const text = (await readFile(join(folder, 'run.yaml'), 'utf8')).replace('output: run', 'output: wrong');
      const written = override === 'method.name=cot' ? text.replace(/^method: .*$/m, 'method: { name: cot }') : text;
      await writeFile(join(folder, 'wrong.yaml'), written);
      const { code, stderr } = await run('train', 'wrong.yaml', ...(override === 'method.name=cot' ? [] : [override]));
      expect(code).not.toBe(0);
      expect(stderr).toMatch(message);
      expect(existsSync(join(folder, 'wrong'))).toBe(false);
    }
  }, 60_000);

  it('that there is none, or none that fits, is one clear error', async () => {
    expect(await run('train', 'none.yaml', '--json')).toMatchObject({ code: 0 });
    const ask = ['think', 'what shape is there ?', '--model', 'none/reasoner', '--image', image()];
    const none = await run(...ask, '--draw', 'none.png');
    expect(none.code).not.toBe(0);
    expect(none.stderr).toMatch(/has no drawer.*drawer\.stage=caption/);
    expect((await think('--draw', 'drawn.jpg')).stderr).toMatch(/ending in \.png/);
    const path = join(folder, 'run/reasoner/drawer/subtext.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"caption"', '"elsewhere"'));
    expect((await think('--draw', 'none.png')).stderr).toMatch(
      /stage "elsewhere", but the answer has no thoughts of it/,
    );
    await writeFile(path, text.replace('"thoughts": 1', '"thoughts": 2'));
    expect((await think('--draw', 'none.png')).stderr).toMatch(/has no hidden_1\.weight/);
    await writeFile(path, text);
    expect(existsSync(join(folder, 'none.png'))).toBe(false);
  }, 60_000);
});
