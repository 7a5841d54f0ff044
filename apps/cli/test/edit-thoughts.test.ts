import { useEngine } from '@subtext/tensor';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { drawExamples, trainNumberReasoner } from '../../../packages/reasoner/test/number-world';
import { subtext } from './run-command';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-edit-'));
  await useEngine({ engine: 'wasm' });
  const reasoner = trainNumberReasoner({ visibility: 'chain', fromWords: 0.5 });
  await reasoner.save({ folder });
  reasoner.dispose();
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const { question } = drawExamples({ count: 24, seed: 2 }).find(({ answer }) => answer === '3')!;
const edit = (...edits: string[]) =>
  subtext(['think', question, '--model', folder, ...edits.flatMap((one) => ['--edit', one])]);

describe('subtext think --edit', () => {
  it('answers as the thought was told, and shows what it answered with its own', async () => {
    const { stdout, stderr } = await edit('step_1=its number is 9');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^Answer: 9\nWith its own thoughts: 3\n/);
    const { events } = await subtext([
      'think',
      question,
      '--model',
      folder,
      '--edit',
      'step_1=its number is 9',
      '--json',
    ]);
    expect(events.at(-1)).toMatchObject({
      answer: '9',
      edited: { step_1: 'its number is 9' },
      withOwnThoughts: { answer: '3' },
    });
  });

  it('says which words the model does not know', async () => {
    expect((await edit('step_1=its number is nine')).stdout).toMatch(/does not know the word nine/);
  });

  it.each([
    ['its number is 9', /--edit takes a stage and its new text/],
    ['caption=red', /no stage "caption"/],
    ['step_1= ', /no words to make the thoughts/],
  ])('refuses %j', async (words, message) => {
    const { code, stderr } = await edit(words);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(message);
  });
});
