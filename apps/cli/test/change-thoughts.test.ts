import { stageDirection, type Trace } from '@subtext/decoder';
import { readThoughts, saveDirection } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { toyExamples, trainToyReasoner } from '../../../packages/eval/test/toy-reasoner';
import { subtext } from './run-command';

let folder: string;
let questions: { question: string; answer: string }[];
const at = (...names: string[]) => join(folder, ...names);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-change-'));
  await useEngine({ engine: 'wasm' });
  const reasoner = trainToyReasoner({ sight: 'thought' });
  await reasoner.save({ folder: at('model') });
  const examples = toyExamples({ count: 40, seed: 9 });
  const answers = await reasoner.think({ questions: examples });
  const seen = await readThoughts({ reasoner, questions: examples, answers });
  questions = examples.filter(({ answer }, row) => answers[row]!.answer === answer);
  const of = (number: string) => seen.filter((_, row) => examples[row]!.answer === number);
  const direction = stageDirection({ positive: of('3'), negative: of('7'), source: 'three, not seven' });
  await saveDirection({ path: at('three.safetensors'), direction });
  const narrow = { ...direction, thoughts: direction.thoughts.map((vector) => vector.slice(2)) };
  await saveDirection({ path: at('narrow.safetensors'), direction: narrow });
  reasoner.dispose();
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const asked = (answer: string) => questions.find((one) => one.answer === answer)!.question;
const think = (question: string, ...options: string[]) =>
  subtext(['think', question, '--model', at('model'), ...options]);

describe('subtext think with a changed thought', () => {
  it('answers as a direction says, and shows what it answered with its own thoughts', async () => {
    const steered = await think(asked('7'), '--steer', at('three.safetensors'), '--json');
    expect(steered.stderr).toBe('');
    expect(steered.events.at(-1)).toMatchObject({ answer: '3', withOwnThoughts: { answer: '7' } });
    const told = await think(asked('7'), '--steer', at('three.safetensors'), '--strength', '0', '--stage', 'step_1');
    expect(told.stdout).toMatch(/^Answer: 7\nWith its own thoughts: 7\n/);
  }, 60_000);

  it('answers with the thoughts of another question', async () => {
    const swapped = await think(asked('5'), '--swap', 'step_1', '--from', asked('9'), '--json');
    expect(swapped.events.at(-1)).toMatchObject({ answer: '9', withOwnThoughts: { answer: '5' } });
  }, 60_000);

  it('answers with thoughts that were cut or made noise, and tells all that happened', async () => {
    const own = (await think(asked('5'), '--json', '--trace')).events.at(-1) as { trace: Trace; answer: string };
    expect(own.answer).toBe('5');
    expect(own.trace.distribution[0]).toMatchObject({ text: expect.stringContaining('5') as string });
    expect(own.trace.positions.filter(({ role }) => role === 'step_1').length).toBe(own.trace.thoughts.length);
    const zeros = (await think(asked('5'), '--change', 'step_1=zeros', '--json', '--trace')).events.at(
      -1,
    ) as typeof own;
    expect(zeros.trace.thoughts.every(({ changed, norm }) => changed && norm === 0)).toBe(true);
    const chance = (trace: Trace) => trace.distribution.find(({ text }) => text.includes('5'))?.probability ?? 0;
    expect(chance(zeros.trace)).toBeLessThan(chance(own.trace) - 0.1);
    const least = (await think(asked('5'), '--change', 'step_1.1=noise:0', '--json', '--trace')).events.at(
      -1,
    ) as typeof own;
    expect(chance(least.trace)).toBeCloseTo(chance(own.trace), 4);
  }, 60_000);

  it.each([
    ['a change of no kind', ['--change', 'step_1=upside-down'], /--change takes a stage.*not "step_1=upside-down"/],
    ['an order of one thought', ['--change', 'step_1.1=order:1'], /an order is of a whole stage/],
    ['a thought that is not there', ['--change', 'step_1.9=cut'], /there is no thought 9/],
    ['a trace in words', ['--trace'], /give --json too/],
    [
      'an unknown stage',
      ['--swap', 'caption', '--from', 'the ant has 3'],
      /has no stage "caption". Take one of: step_1/,
    ],
    ['a stage without a question', ['--swap', 'step_1'], /--swap takes a stage from another question/],
    ['a strength without a direction', ['--strength', '2'], /give one with --steer/],
    ['two changes', ['--swap', 'step_1', '--from', 'x', '--steer', 'x'], /give one at a time/],
    [
      'a direction that is not there',
      ['--steer', 'none.safetensors'],
      /none.safetensors is not there. Make a direction/,
    ],
    ['a direction of another width', ['--steer', 'narrow.safetensors'], /The direction has 126 numbers where .* 128/],
  ])(
    'refuses %s in one line',
    async (_, options, message) => {
      const { code, stderr } = await think(
        asked('3'),
        ...options.map((word) => (word.endsWith('.safetensors') ? at(word) : word)),
      );
      expect(code).toBe(1);
      expect(stderr).toMatch(message);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    },
    60_000,
  );
});
