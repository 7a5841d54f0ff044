import { generateProsQA, type ReasoningExample } from '@subtext/data';
import { createModel, saveModel } from '@subtext/model';
import {
  createMethod,
  graphExample,
  graphReasoner,
  GraphVocabulary,
  type MethodSpecification,
  stagesOf,
} from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { smallContext, steppedExample } from '../../reasoner/test/small-world';
import { train } from './loop/train';
import type { ExplanationData, ExplanationOptions } from './objectives/explanation';
import { methodObjectives, needsInterpreter } from './objectives/method-objectives';
import type { ObjectiveUse } from './objectives/objective';
import { graphPhases } from './phases/graph-phases';
import { reasonerPhases } from './phases/reasoner-phases';
import { createProgram } from './program/program';
import type { TrainingProgram } from './program/training-program';

/** What the same seeds gave before the code was last rearranged, on the engine "cpu", whose arithmetic is that of JavaScript. */
const expected: Record<string, string> = {
  heima: 'a8ee166660c36adc',
  coconut: '7b4014bc0df4ea48',
  codi: 'a1ebf9931d8d382a',
  'sim-cot': 'd815cf5f76195fdc',
  adaptive: '65a873ecba3a89f1',
  icot: '4f5a94cba56cdc63',
  pause: 'dec2b037483fb60d',
  graph: '3e12c998c3d3c41c 242c29f0f51e7f91',
};

const examples: ReasoningExample[] = Array.from({ length: 12 }, (_, index) => ({
  ...steppedExample,
  id: `example ${index}`,
  question: `is the cat ${index % 2 === 0 ? 'red' : 'blue'} ${index % 10}?`,
  answer: index % 2 === 0 ? 'yes' : 'no',
}));
const stages = stagesOf(examples);

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'cpu' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-bytes-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function digest(program: TrainingProgram): string {
  const hash = createHash('sha256');
  for (const { name, variable } of program.parameters) {
    const values = variable.dataSync() as Float32Array;
    hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Two steps of two shards in each phase. */
async function trained(specification: MethodSpecification): Promise<string> {
  const method = createMethod(specification);
  const context = smallContext({
    specialTokens: [...method.specialTokens({ stages }), '<thought>', ...stages.map((stage) => `<${stage}>`)],
  });
  const { tokenizer } = context;
  const config = {
    model_type: 'gpt2',
    vocab_size: tokenizer.vocabularySize,
    n_positions: 64,
    n_embd: 8,
    n_layer: 2,
    n_head: 2,
    initializer_range: 0.2,
  };
  const plans = method
    .curriculum({ stages })
    .map((phase) => ({ phase, steps: 2, batchSize: 4, schedule: { learningRate: 0.01 } }));
  const data = { examples, method, context, seed: 5, shards: 2 };
  const model = createModel({ config, seed: 3 });
  const start = join(folder, `${specification.name}-start`);
  await saveModel({ model, folder: start });
  model.dispose();
  const source = { kind: 'folder' as const, folder: start };
  const explanations: ObjectiveUse = {
    name: 'explanation',
    options: {
      interpreters: [{ name: 'shared', stages, model: source, projector: { inputWidth: 8, kind: 'mlp', seed: 2 } }],
    } satisfies ExplanationOptions,
    data: {
      context: {
        tokenizer,
        templates: 'brief',
        slotId: tokenizer.idOf('<thought>'),
        endId: context.endId,
        opening: (stage) => `<${stage}>`,
        withQuestion: false,
      },
      interpreterOf: () => 0,
      interpreters: 1,
      reading: 'before',
    } satisfies ExplanationData,
  };
  const objectives = methodObjectives({ method, ...(needsInterpreter(method) && { explanations }) });
  const program = (await createProgram({ model: source, objectives })) as TrainingProgram;
  const phases = reasonerPhases({ plans, data, objectives });
  await train({
    folder: join(folder, specification.name),
    source: { module: '', options: {} },
    program,
    phases,
    fingerprint: specification.name,
    workers: 0,
    seed: 5,
  });
  return digest(program);
}

async function trainedOnGraphs(): Promise<string> {
  const method = { form: 'edges', thoughts: 'continuous', count: 2 } as const;
  const options = { form: 'edges', seed: 3, layers: 1, width: 8, heads: 2, deviation: 0.3 } as const;
  const objectives = methodObjectives({ method: createMethod({ name: 'graph', ...method }) });
  const program = (await createProgram({ model: { kind: 'graph', ...options }, objectives })) as TrainingProgram;
  const drawing = {
    vocabulary: new GraphVocabulary({ form: 'edges' }),
    method,
    supervision: 'all',
    queries: 2,
    earlierStages: 0.3,
  } as const;
  const schedule = { learningRate: 0.01, shape: 'constant' } as const;
  await train({
    folder: join(folder, 'graph'),
    source: { module: '', options: {} },
    program,
    phases: graphPhases({
      examples: [...generateProsQA({ count: 8, seed: 11 })].map((example) => graphExample(example)),
      drawing,
      graphs: 4,
      hop: { steps: 2, schedule },
      answer: { steps: 2, schedule },
      seed: 4,
      shards: 2,
    }),
    fingerprint: 'graph',
    workers: 0,
  });
  const reasoner = await graphReasoner({ program, options, method });
  await reasoner.save({ folder: join(folder, 'graph-reasoner') });
  reasoner.dispose();
  const weights = await readFile(join(folder, 'graph-reasoner', 'model.safetensors'));
  return `${digest(program)} ${createHash('sha256').update(weights).digest('hex').slice(0, 16)}`;
}

describe('the same seeds give the same bytes', () => {
  it.each<MethodSpecification>([
    { name: 'heima' },
    { name: 'coconut', hiddenSteps: 2, uniformProbability: 0.3 },
    { name: 'codi', count: 2 },
    { name: 'sim-cot', hiddenSteps: 2 },
    { name: 'adaptive', hiddenSteps: 2 },
    { name: 'icot' },
    { name: 'pause', count: 2 },
  ])('$name', async (specification) => {
    const got = await trained(specification);
    expect(got).toBe(expected[specification.name]);
  });

  it('graphs', async () => {
    const got = await trainedOnGraphs();
    expect(got).toBe(expected.graph);
  });
});
