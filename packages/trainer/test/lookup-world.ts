import type { ReasoningExample } from '@subtext/data';
import { createModel, type LanguageModel } from '@subtext/model';
import { createMethod, type MethodSpecification, type Phase, randomAt, Reasoner } from '@subtext/reasoner';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { measureLayouts } from '../src/phases/measure-layouts';
import { reasonerPhases } from '../src/phases/reasoner-phases';
import { train } from '../src/loop/train';
import { methodObjectives } from '../src/objectives/method-objectives';
import type { TrainingProgram } from '../src/program/training-program';
import { openProgram } from './open-program';

/**
 * Looking up, several times over: the question is a list of `cells` numbers and a place in it; a step is a place and the
 * number that stands there, which is the next step's place; the answer is the last number. A transformer of one layer can
 * look up by a number that is its input, but not by one that it has to fetch first: written steps put each number into
 * the input, and so do thoughts that are fed back, while other positions before the answer do not.
 */
export function lookupExamples({
  cells,
  hops,
  count,
  seed = 1,
}: {
  cells: number;
  hops: number | readonly number[];
  count: number;
  seed?: number;
}): ReasoningExample[] {
  return Array.from({ length: count }, (_, index) => {
    const draw = (place: number) => Math.floor(randomAt(seed, index, place) * cells);
    const list = Array.from({ length: cells }, (__, place) => draw(place));
    const own = typeof hops === 'number' ? hops : hops[Math.floor(randomAt(seed, index, 99) * hops.length)]!;
    let place = draw(cells);
    const question = typeof hops === 'number' ? [...list, place] : [...list, place, own];
    const steps: { text: string }[] = [];
    for (let hop = 0; hop < own; hop++) {
      steps.push({ text: `${place} ${list[place]!}` });
      place = list[place]!;
    }
    return { id: String(index), question: question.join(' '), steps, answer: String(place) };
  });
}

/** Steps, highest learning rate and examples a step (by default 64) of a phase. */
export type PhaseSettings = (
  phase: Phase,
  last: boolean,
) => { steps: number; learningRate: number; batchSize?: number };

/** Trains a model of some thousand numbers through a method's phases. The caller frees the reasoner. */
export async function trainLookup({
  specification,
  examples,
  layers,
  heads = 2,
  phase: settingsOf,
  seed = 1,
}: {
  specification: MethodSpecification;
  examples: readonly ReasoningExample[];
  layers: number;
  heads?: number;
  phase: PhaseSettings;
  seed?: number;
}): Promise<{
  reasoner: Reasoner;
  model: LanguageModel;
  losses: Record<string, number>;
  metrics: Record<string, number>;
}> {
  const method = createMethod(specification);
  const stages = Array.from(
    { length: Math.max(...examples.map(({ steps }) => steps.length)) },
    (_, index) => `step_${index + 1}`,
  );
  const digits = [...'0123456789'];
  const tokenizer = trainWordLevelTokenizer({
    texts: [` ${digits.join(' ')}`, `${digits.join('\n')}\n`],
    specialTokens: [...method.specialTokens({ stages }), '### '],
  });
  const model = createModel({
    config: {
      model_type: 'gpt2',
      vocab_size: tokenizer.vocabularySize,
      n_positions: 32,
      n_embd: 32,
      n_layer: layers,
      n_head: heads,
      initializer_range: 0.2,
    },
    seed,
  });
  const settings = {
    format: 1 as const,
    method: specification,
    stages,
    hiddenStages: stages,
    reasoningFormat: 'lines',
    prefix: ['<s>'],
    endToken: '</s>',
    thoughtReading: 'before' as const,
    longestResponse: 0,
  };
  const opened = new Reasoner({ model, tokenizer, settings });
  const context = opened.layoutContext();
  const phases = method.curriculum({ stages });
  const { longestResponse } = measureLayouts({ data: { examples, method, context }, phases });
  const { feedback } = opened;
  const reasoner = new Reasoner({ model, tokenizer, feedback, settings: { ...settings, longestResponse } });
  const losses: Record<string, number> = {};
  let metrics: Record<string, number> = {};
  const folder = await mkdtemp(join(tmpdir(), 'subtext-recipe-'));
  try {
    await train({
      folder,
      source: { module: '', options: {} },
      program: (await openProgram({ model, feedback, objectives: methodObjectives({ method }) })) as TrainingProgram,
      phases: reasonerPhases({
        plans: phases.map((phase, index) => {
          const { steps, learningRate, batchSize = 64 } = settingsOf(phase, index === phases.length - 1);
          return { phase, steps, batchSize, schedule: { learningRate, warmupSteps: 5 } };
        }),
        data: { examples, method, context, seed, shards: 1 },
      }),
      fingerprint: method.name,
      workers: 0,
      shards: 1,
      checkpointSeconds: 1000,
      onProgress({ loss, phaseName, metrics: parts }) {
        losses[phaseName] = loss;
        metrics = parts;
      },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { reasoner, model, losses, metrics };
}

/** The share of right answers. */
export async function accuracyOf({
  reasoner,
  examples,
}: {
  reasoner: Reasoner;
  examples: readonly ReasoningExample[];
}): Promise<number> {
  const answers = await reasoner.think({ questions: examples });
  return answers.filter(({ answer }, index) => answer === examples[index]!.answer).length / examples.length;
}

/** The same weights asked as another method asks. */
export function askedAs({
  reasoner,
  specification,
}: {
  reasoner: Reasoner;
  specification: MethodSpecification;
}): Reasoner {
  const { model, tokenizer, settings } = reasoner;
  return new Reasoner({ model, tokenizer, settings: { ...settings, method: specification } });
}
