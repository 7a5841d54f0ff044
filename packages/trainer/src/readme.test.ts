import type { ReasoningExample } from '@subtext/data';
import { createModel } from '@subtext/model';
import { createMethod, linesFormat, Reasoner, stagesOf } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import * as trainer from './index';

const examples: ReasoningExample[] = [
  { id: '1', question: '1 2 3', steps: [{ text: '1 2' }, { text: '3 3' }], answer: '6' },
  { id: '2', question: '4 1', steps: [{ text: '4 1' }], answer: '5' },
];

it('the examples in the README train a run, and a method with its interpreter, and save both', async () => {
  const text = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const written = [...text.matchAll(/```js\n([^]*?)```/g)].map(([, example]) => `{ ${example} }`).join('\n');
  const body = written.replace(/import (\{[^}]*\}) from ('[^']*');/g, 'const $1 = modules[$2];');
  const run = Object.getPrototypeOf(async () => {}).constructor(
    'modules',
    'given',
    'console',
    `const { reasoner, examples, stages, plans } = given; ${body}`,
  ) as (modules: Record<string, unknown>, given: Record<string, unknown>, console: unknown) => Promise<void>;
  await useEngine({ engine: 'wasm' });
  const specification = { name: 'sim-cot', hiddenSteps: 2 } as const;
  const method = createMethod(specification);
  const stages = stagesOf(examples);
  const words = {
    texts: [' 1 2 3 4 5 6', '1\n2\n3\n4\n5\n6'],
    specialTokens: [...method.specialTokens({ stages }), '### '],
  };
  const tokenizer = trainWordLevelTokenizer({
    ...words,
    specialTokens: [
      ...words.specialTokens,
      ...trainer.interpreterTokens({ tokenizer: trainWordLevelTokenizer(words), stages }),
    ],
  });
  const config = {
    model_type: 'gpt2',
    vocab_size: tokenizer.vocabularySize,
    n_positions: 48,
    n_embd: 16,
    n_layer: 1,
    n_head: 2,
  };
  const reasoner = new Reasoner({
    model: createModel({ config, seed: 1 }),
    tokenizer,
    settings: {
      format: 1,
      method: specification,
      stages,
      hiddenStages: [],
      reasoningFormat: linesFormat.name,
      prefix: ['<s>'],
      endToken: '</s>',
      thoughtReading: 'before',
      longestResponse: 8,
    },
  });
  const phases = method.curriculum({ stages });
  const plans = phases.map((phase) => ({ phase, steps: 2, batchSize: 2, schedule: { learningRate: 1e-3 } }));
  const folder = await mkdtemp(join(tmpdir(), 'subtext-trainer-readme-'));
  const before = process.cwd();
  process.chdir(folder);
  try {
    await reasoner.save({ folder: 'start/reasoner' });
    const told: number[] = [];
    const console = { log: (step: number, loss: number) => told.push(step, loss) };
    await run({ '@subtext/trainer': trainer }, { reasoner, examples, stages, plans }, console);
    expect(told.length).toBeGreaterThan(0);
    expect(told.every(Number.isFinite)).toBe(true);
    expect(await readdir('runs/coconut/reasoner')).toEqual(
      expect.arrayContaining(['model.safetensors', 'subtext.json']),
    );
    expect(await readdir('run/interpreter')).toEqual(
      expect.arrayContaining(['config.json', 'model.safetensors', 'projector.safetensors', 'tokenizer.json']),
    );
    const steps = (await readFile('run/log.jsonl', 'utf8')).trim().split('\n');
    expect(JSON.parse(steps.at(-1)!)).toMatchObject({ step: 2 * phases.length });
  } finally {
    process.chdir(before);
    await rm(folder, { recursive: true });
    reasoner.dispose();
  }
});
