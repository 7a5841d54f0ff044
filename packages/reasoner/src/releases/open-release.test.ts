import { loadModel } from '@subtext/model';
import { type TensorData, writeSafetensors } from '@subtext/safetensors';
import { openPytorch } from '@subtext/safetensors/pytorch';
import { useEngine, tf } from '@subtext/tensor';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Reasoner } from '../reasoner/reasoner';
import { openRelease } from './open-release';

interface Example {
  question: string;
  steps: string[];
  answer: string;
}

/** By tooling/parity/make_release_fixtures.py: what the releases' own code saved and computed. */
interface Recorded {
  base: Record<string, string>;
  checkpoint: string;
  examples: Example[];
  thoughts: number;
  thoughtsPerStep?: number;
  loraAlpha?: number;
  /** By question: the ids of the prompt, thoughts' places included. */
  prompts: number[][];
  /** By question and thought: the vector that was fed. */
  inputs: number[][][];
  /** By question: logits of the answer's first token. */
  logits: number[][];
  generated: number[][];
  training:
    | { ids: number[]; labels: number[] }[]
    | {
        decoder_input_ids: number[];
        ref_input_ids: number[];
        encoder_input_ids: number[];
        ref_answer_position: number;
        model_answer_position: number;
      }[]
    | null;
  chains?: { ids: number[]; labels: number[] }[];
}

const fixtures = new URL('../../fixtures/releases/', import.meta.url);
const recordedOf = async (name: string) =>
  JSON.parse(gunzipSync(await readFile(new URL(`${name}.json.gz`, fixtures))).toString()) as Recorded;

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-releases-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The base model's folder and the checkpoint, on the disk. */
async function written(name: string, baseOf = name): Promise<{ recorded: Recorded; base: string; checkpoint: string }> {
  const recorded = await recordedOf(name);
  const base = join(folder, `${baseOf}-base`);
  await mkdir(base, { recursive: true });
  for (const [file, text] of Object.entries((await recordedOf(baseOf)).base)) await writeFile(join(base, file), text);
  const checkpoint = join(folder, `${name}-checkpoint_33`);
  await writeFile(checkpoint, Buffer.from(recorded.checkpoint, 'base64'));
  return { recorded, base, checkpoint };
}

/** A checkpoint of its own, in safetensors, with some tensors changed; a name that is given null is left out. */
async function changed(
  name: string,
  change: (tensors: Map<string, TensorData>) => void,
): Promise<{ base: string; checkpoint: string }> {
  const { base, checkpoint } = await written(name);
  const file = await openPytorch({ path: checkpoint });
  const tensors = new Map<string, TensorData>();
  for (const tensor of file.names) tensors.set(tensor, await file.read(tensor));
  await file.close();
  change(tensors);
  const path = join(folder, `${name}-changed.safetensors`);
  await writeSafetensors({ path, tensors });
  return { base, checkpoint: path };
}

async function opened(name: string) {
  const { recorded, base, checkpoint } = await written(name);
  const { thoughts, thoughtsPerStep, loraAlpha } = recorded;
  return { recorded, ...(await openRelease({ checkpoint, base, thoughts, thoughtsPerStep, loraAlpha })) };
}

const farthest = (found: ArrayLike<number>, expected: readonly number[]) =>
  expected.reduce((most, value, index) => Math.max(most, Math.abs(value - found[index]!)), 0);

const releases = {
  'coconut-gpt2': 'coconut',
  'coconut-llama': 'coconut',
  'codi-gpt2': 'codi',
  'codi-llama': 'codi',
  'sim-cot-coconut-gpt2': 'sim-cot',
  'sim-cot-codi-llama': 'sim-cot',
} as const;

describe.each(Object.entries(releases))('the checkpoint of %s', (name, release) => {
  it('asks, thinks and answers as the code that saved it; also when kept and loaded again', async () => {
    const { recorded, reasoner: first, release: found } = await opened(name);
    expect(found).toBe(release);
    const kept = join(folder, `${name}-kept`);
    await first.save({ folder: kept });
    for (const reasoner of [first, await Reasoner.load({ folder: kept })]) {
      const questions = recorded.examples.map(({ question }) => ({ question }));
      expect(reasoner.prompts(questions)).toEqual(recorded.prompts);
      const answers = await reasoner.think({ questions, maxNewTokens: 12 });
      expect(answers.map(({ ids }) => ids)).toEqual(recorded.generated);
      for (const [row, { thoughts, prompt }] of answers.entries()) {
        expect(thoughts).toHaveLength(recorded.thoughts);
        for (const [index, { input }] of thoughts.entries())
          expect(farthest(input as Float32Array, recorded.inputs[row]![index]!)).toBeLessThan(1e-4);
        // The whole prompt at once, thoughts in their places.
        const { embeddings, forwardExtras } = await reasoner.embedSequences({
          questions: [questions[row]!],
          answers: [answers[row]!],
          sequences: [prompt],
        });
        const logits = tf.tidy(() => {
          const { hidden } = reasoner.model.forward({ ...forwardExtras, embeddings });
          return reasoner.model.logits(tf.slice(hidden, [0, prompt.length - 1, 0], [1, 1, -1]).reshape([1, -1]));
        });
        expect(farthest(await logits.data(), recorded.logits[row]!)).toBeLessThan(1e-4);
        tf.dispose([embeddings, logits]);
      }
      reasoner.dispose();
    }
  });
});

describe('what a release trains on', () => {
  it.each(['coconut-gpt2', 'coconut-llama', 'sim-cot-coconut-gpt2'])(
    '%s: thoughts, and a chain in words',
    async (name) => {
      const { recorded, reasoner } = await opened(name);
      const phases = reasoner.method.curriculum({ stages: ['step_1', 'step_2'] });
      for (const [phase, rows] of [
        [phases.at(-1)!, recorded.training],
        [phases[0]!, recorded.chains],
      ] as const)
        for (const [index, example] of recorded.examples.entries()) {
          const { ids, labels } = reasoner.method.layout({
            example: {
              id: '',
              question: example.question,
              answer: example.answer,
              steps: example.steps.map((text) => ({ text })),
            },
            phase,
            context: reasoner.layoutContext(),
          });
          const expected = rows![index] as { ids: number[]; labels: number[] };
          expect(ids).toEqual(expected.ids);
          expect(labels).toEqual(expected.labels);
        }
      reasoner.dispose();
    },
  );

  it.each(['codi-gpt2', 'codi-llama'])('%s: thoughts, and the teacher with its chain', async (name) => {
    const { recorded, reasoner } = await opened(name);
    const [phase] = reasoner.method.curriculum({ stages: ['step_1'] });
    for (const [index, example] of recorded.examples.entries()) {
      const { ids, parts } = reasoner.method.layout({
        example: {
          id: '',
          question: example.question,
          answer: example.answer,
          steps: example.steps.map((text) => ({ text })),
        },
        phase: phase!,
        context: reasoner.layoutContext(),
      });
      const expected = recorded.training![index] as {
        decoder_input_ids: number[];
        ref_input_ids: number[];
        ref_answer_position: number;
      };
      expect(ids).toEqual([...recorded.prompts[index]!.slice(0, -1), ...expected.decoder_input_ids]);
      const teacher = parts!.distillation!;
      expect(teacher.apart[0].ids).toEqual(expected.ref_input_ids);
      // The reference's position is that of the answer's first token; the state that predicts it is compared.
      expect(teacher.position).toBe(expected.ref_answer_position - 1);
    }
    reasoner.dispose();
  });
});

describe('a checkpoint without thoughts', () => {
  it('is a chain in words, and the same model as a folder with a pytorch_model.bin', async () => {
    const { base, checkpoint } = await written('coconut-cot-gpt2', 'coconut-gpt2');
    const { reasoner, notes } = await openRelease({ checkpoint, base });
    expect(reasoner.settings).toMatchObject({ method: { name: 'cot' }, reasoningFormat: 'coconut' });
    expect(notes).toEqual([expect.stringContaining('chain in words')]);
    await copyFile(checkpoint, join(base, 'pytorch_model.bin'));
    const model = await loadModel({ folder: base });
    await rm(join(base, 'pytorch_model.bin'));
    for (const [name, variable] of reasoner.model.parameters.entries())
      expect(await model.parameters.get(name).data()).toEqual(await variable.data());
    model.dispose();
    reasoner.dispose();
    await expect(openRelease({ checkpoint, base, thoughts: 4 })).rejects.toMatchObject({ code: 'invalid-option' });
  });
});

describe('what a checkpoint does not say', () => {
  it('is taken from the scripts of the release, and told', async () => {
    for (const [name, method, told] of [
      ['coconut-gpt2', { name: 'coconut', hiddenSteps: 3, thoughtsPerStep: 2 }, ['6 thoughts']],
      ['sim-cot-coconut-gpt2', { name: 'sim-cot', hiddenSteps: 5, thoughtsPerStep: 2 }, ['10 thoughts', '29 tensors']],
      ['codi-gpt2', { name: 'codi', count: 6 }, ['6 thoughts', '8 adapters of rank 4 were merged with α = 32']],
      ['sim-cot-codi-llama', { name: 'codi', count: 6 }, ['6 thoughts', '14 adapters', '21 tensors']],
    ] as const) {
      const { base, checkpoint } = await written(name);
      const { reasoner, notes } = await openRelease({ checkpoint, base });
      expect(reasoner.settings.method).toEqual(method);
      expect(notes).toEqual(told.map((text) => expect.stringContaining(text) as string));
      reasoner.dispose();
    }
  });
});

describe('a checkpoint that is refused', () => {
  const refused = async (
    options: Parameters<typeof openRelease>[0],
    name: string,
    code: string,
    message = /./,
  ): Promise<void> => {
    const before = tf.memory().numTensors;
    await expect(openRelease(options)).rejects.toMatchObject({
      name,
      code,
      message: expect.stringMatching(message) as string,
    });
    expect(tf.memory().numTensors).toBe(before);
  };

  it('with a base that is missing, has no tokenizer, or is not the one that was trained', async () => {
    const { base, checkpoint } = await written('coconut-gpt2');
    await refused({ checkpoint, base: join(folder, 'nowhere') }, 'HubError', 'not-found');
    const other = await written('coconut-llama');
    // Of one size here; the layers differ.
    await refused({ checkpoint, base: other.base }, 'ModelFolderError', 'missing-tensor');
    const config = JSON.parse(await readFile(join(base, 'config.json'), 'utf8')) as Record<string, unknown>;
    const codi = await written('codi-gpt2');
    await writeFile(join(codi.base, 'config.json'), JSON.stringify({ ...config, vocab_size: 305 }));
    await refused(
      { checkpoint: codi.checkpoint, base: codi.base },
      'ReasonerError',
      'vocabulary-mismatch',
      /has 303 rows .+ it would have 308/,
    );
    await writeFile(join(codi.base, 'config.json'), JSON.stringify(config));
    const cot = await written('coconut-cot-gpt2', 'coconut-gpt2');
    await writeFile(join(cot.base, 'config.json'), JSON.stringify({ ...config, vocab_size: 299 }));
    await refused({ ...cot, checkpoint: cot.checkpoint }, 'ReasonerError', 'vocabulary-mismatch');
    await writeFile(join(cot.base, 'config.json'), JSON.stringify(config));
  });

  it('with settings that it does not have', async () => {
    const { base, checkpoint } = await written('coconut-gpt2');
    await refused(
      { checkpoint, base, from: 'codi' },
      'ReasonerError',
      'unknown-checkpoint',
      /said to be of codi.+of coconut/,
    );
    await refused({ checkpoint, base, thoughts: 5 }, 'ReasonerError', 'invalid-option', /no whole number of steps/);
    await refused({ checkpoint, base, thoughts: 0 }, 'ReasonerError', 'invalid-option');
    const codi = await written('codi-gpt2');
    await refused({ ...codi, thoughtsPerStep: 2 }, 'ReasonerError', 'invalid-option', /setting of Coconut/);
  });

  it('that is of something else, or only a part', async () => {
    const without = (prefix: string) => (tensors: Map<string, TensorData>) => {
      for (const name of [...tensors.keys()]) if (name.startsWith(prefix)) tensors.delete(name);
    };
    const one = { dtype: 'F32', shape: [1], data: new Float32Array(1) } as TensorData;
    await refused(
      await changed('coconut-gpt2', (tensors) => {
        tensors.clear();
        tensors.set('encoder.weight', one);
      }),
      'ReasonerError',
      'unknown-checkpoint',
      /no checkpoint of Coconut, CODI or SIM-CoT.+encoder\.weight/,
    );
    const lost = await changed('coconut-gpt2', (tensors) => tensors.set('gate.weight', one));
    await refused(lost, 'ReasonerError', 'unknown-checkpoint', /gate\.weight.+would change the model/);
    const layer = await changed('coconut-gpt2', without('base_causallm.transformer.h.1.attn.c_proj'));
    await refused(layer, 'ModelFolderError', 'missing-tensor', /h\.1\.attn\.c_proj/);
    const table = await changed('coconut-llama', (tensors) => {
      without('base_causallm.model.embed_tokens')(tensors);
      without('base_causallm.lm_head')(tensors);
    });
    await refused(table, 'ReasonerError', 'unknown-checkpoint', /no token embedding/);
    const adapted = 'codi.base_model.model.transformer.h.0.attn.c_attn';
    const half = await changed('codi-gpt2', without(`${adapted}.lora_B`));
    await refused(half, 'ReasonerError', 'unknown-checkpoint', /half an adapter/);
    const bare = await changed('codi-gpt2', without(`${adapted}.base_layer.weight`));
    await refused(bare, 'ModelFolderError', 'missing-tensor', /adapter for transformer\.h\.0\.attn\.c_attn/);
    const small = await changed('codi-gpt2', (tensors) =>
      tensors.set(`${adapted}.lora_A.default.weight`, { ...one, shape: [1, 1] }),
    );
    await refused(small, 'ModelFolderError', 'shape-mismatch', /its adapter \[1, 1\]/);
    await refused(
      await changed('codi-gpt2', without('prj.1.weight')),
      'ReasonerError',
      'unknown-checkpoint',
      /prj\.1\.weight/,
    );
    await refused(
      await changed('codi-gpt2', without('prj.3.bias')),
      'ReasonerError',
      'not-a-reasoner',
      /prj\.3\.bias is missing/,
    );
    const hostile = join(folder, 'hostile');
    await writeFile(hostile, 'PK\u0003\u0004 and no more');
    await refused({ ...half, checkpoint: hostile }, 'SafetensorsError', 'truncated');
  });
});
