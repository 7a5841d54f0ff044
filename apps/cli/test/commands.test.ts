import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSafetensors, writeSafetensors, type TensorToWrite } from '@subtext/safetensors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { subtext } from './run-command';

const fixtures = fileURLToPath(new URL('../../../packages/model/fixtures/', import.meta.url));
const encoderFixtures = fileURLToPath(new URL('../../../packages/encoders/fixtures/', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-commands-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));
const run = (...args: string[]) => subtext(args, { folder });

async function readTensors(path: string): Promise<Record<string, TensorToWrite & { shape: number[] }>> {
  const file = await openSafetensors({ path });
  const tensors: Record<string, TensorToWrite & { shape: number[] }> = {};
  for (const name of file.names) tensors[name] = await file.read(name);
  await file.close();
  return tensors;
}

function largestDifference(actual: TensorToWrite, expected: TensorToWrite): number {
  expect(actual.data.length).toBe(expected.data.length);
  return (actual.data as Float32Array).reduce(
    (largest, value, index) => Math.max(largest, Math.abs(value - (expected.data as Float32Array)[index]!)),
    0,
  );
}

/** Writes some of a recorded case's tensors as inputs. */
async function writeInputs(
  name: string,
  golden: Record<string, TensorToWrite>,
  names: readonly string[],
): Promise<string> {
  const path = join(folder, name);
  await writeSafetensors({ path, tensors: Object.fromEntries(names.map((input) => [input, golden[input]!])) });
  return path;
}

describe('the command', () => {
  it('lists its commands, and says what it does not know', async () => {
    const [help, version, unknown, incomplete] = await Promise.all([
      run('--help'),
      run('--version'),
      run('thnik'),
      run('forward'),
    ]);
    expect(help.code).toBe(0);
    for (const name of ['start', 'think', 'train', 'forward', 'generate', 'data', 'bench', 'doctor', 'engine'])
      expect(help.stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toMatch(/unknown command 'thnik'[^]*think/);
    expect(incomplete.code).toBe(1);
    expect(incomplete.stderr).toMatch(/--model/);
  });

  it('tells what the machine has', async () => {
    const [people, machine] = await Promise.all([run('doctor'), run('doctor', '--json')]);
    expect(people).toMatchObject({ code: 0, stdout: expect.stringMatching(/→ {2}wasm +runs[^]*Selected: wasm/) });
    expect(machine.events).toMatchObject([
      { event: 'doctor', choice: { name: 'wasm' }, machine: { node: process.versions.node } },
    ]);
  });

  it('measures training', async () => {
    const { code, events } = await run(
      'bench',
      'train',
      '--engine',
      'wasm',
      '--width',
      '16',
      '--layers',
      '1',
      '--heads',
      '2',
      '--tokens',
      '8',
      '--batch',
      '4',
      '--steps',
      '3',
      '--warmup',
      '1',
      '--json',
    );
    expect(code).toBe(0);
    expect(events.at(-1)).toMatchObject({
      event: 'bench',
      what: 'train',
      engine: 'wasm',
      vocabulary: 1024,
      workers: 2,
      parameters: 1024 * 16 + 8 * 16 + (12 * 16 * 16 + 13 * 16) + 2 * 16,
    });
    const { tokensPerSecond, millisecondsPerStep } = events.at(-1) as {
      tokensPerSecond: number;
      millisecondsPerStep: number;
    };
    expect(tokensPerSecond).toBeCloseTo((4 * 8 * 1000) / millisecondsPerStep, 6);
  });
});

describe('forward and generate', () => {
  it('give what transformers gives, named as transformers names it', async () => {
    const model = join(fixtures, 'golden', 'llama');
    const golden = await readTensors(join(model, 'golden.safetensors'));
    const output = join(folder, 'llama.safetensors');
    const { code, stderr } = await run(
      'forward',
      '--model',
      model,
      '--inputs',
      await writeInputs('ids.safetensors', golden, ['input_ids']),
      '--output',
      output,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const outputs = await readTensors(output);
    expect(Object.keys(outputs).sort()).toEqual([
      'hidden_states.0',
      'hidden_states.1',
      'hidden_states.2',
      'hidden_states.3',
      'last_hidden_state',
      'logits',
    ]);
    // Every fifth column of the logits is recorded.
    const { shape, data } = outputs.logits!;
    const columns = { shape, data: (data as Float32Array).filter((_, index) => (index % shape.at(-1)!) % 5 === 0) };
    expect(largestDifference({ ...outputs.logits!, ...columns }, golden.logits!)).toBeLessThan(1e-4);
    for (const name of ['hidden_states.0', 'hidden_states.3'])
      expect(largestDifference(outputs[name]!, golden[name]!), name).toBeLessThan(1e-4);
  });

  it('see pictures: an encoder, and a model that goes on from one', async () => {
    const encoder = join(encoderFixtures, 'golden', 'siglip-vision');
    const model = join(fixtures, 'golden', 'mllama');
    const [seen, recorded] = await Promise.all([
      readTensors(join(encoder, 'golden.safetensors')),
      readTensors(join(model, 'golden.safetensors')),
    ]);
    const pictures = await writeInputs('pictures.safetensors', seen, ['pixel_values']);
    const prompt = await writeInputs('prompt.safetensors', recorded, [
      'input_ids',
      'attention_mask',
      'pixel_values',
      'aspect_ratio_ids',
      'aspect_ratio_mask',
      'cross_attention_mask',
    ]);
    const [encoded, written] = await Promise.all([
      run('forward', '--model', encoder, '--inputs', pictures, '--output', 'encoded.safetensors'),
      run('generate', '--model', model, '--inputs', prompt, '--max-new-tokens', '8', '--output', 'written.safetensors'),
    ]);
    expect([encoded.stderr, written.stderr]).toEqual(['', '']);
    const states = await readTensors(join(folder, 'encoded.safetensors'));
    for (const name of ['last_hidden_state', 'pooler_output', 'hidden_states.1'])
      expect(largestDifference(states[name]!, seen[name]!), name).toBeLessThan(1e-4);
    const { greedy } = await readTensors(join(folder, 'written.safetensors'));
    expect(greedy!.shape).toEqual([1, 26]);
    expect([...(greedy!.data as BigInt64Array)]).toEqual([...(recorded.greedy!.data as BigInt64Array)]);
  });

  it('refuse what they cannot take, by name, and write nothing', async () => {
    const model = join(fixtures, 'golden', 'gpt2');
    const golden = await readTensors(join(model, 'golden.safetensors'));
    const many: TensorToWrite = { dtype: 'I64', shape: [1, 80], data: new BigInt64Array(80) };
    await writeSafetensors({
      path: join(folder, 'unknown.safetensors'),
      tensors: { input_ids: golden.input_ids!, labels: golden.input_ids!, use_cache: golden.input_ids! },
    });
    await writeSafetensors({ path: join(folder, 'long.safetensors'), tensors: { input_ids: many } });
    await writeSafetensors({
      path: join(folder, 'range.safetensors'),
      tensors: { input_ids: { dtype: 'I32', shape: [1, 2], data: Int32Array.of(1, 320) } },
    });
    await writeSafetensors({
      path: join(folder, 'right.safetensors'),
      tensors: {
        input_ids: { dtype: 'I32', shape: [1, 2], data: Int32Array.of(1, 2) },
        attention_mask: { dtype: 'BOOL', shape: [1, 2], data: Uint8Array.of(1, 0) },
      },
    });
    const to = ['--output', 'refused.safetensors'];
    const cases: [string[], RegExp][] = [
      [
        ['forward', '--model', model, '--inputs', 'unknown.safetensors', ...to],
        /no input named "labels", "use_cache"\. It takes: input_ids, attention_mask, position_ids, inputs_embeds\./,
      ],
      [['forward', '--model', model, '--inputs', 'long.safetensors', ...to], /64 learned positions/],
      [
        ['forward', '--model', model, '--inputs', 'range.safetensors', ...to],
        /input_ids\[0, 1\] is 320; this model's ids are 0 to 319/,
      ],
      [['forward', '--model', model, '--inputs', 'nowhere.safetensors', ...to], /nowhere\.safetensors/],
      [['forward', '--model', folder, '--inputs', 'range.safetensors', ...to], /config\.json/],
      [
        ['generate', '--model', model, '--inputs', 'right.safetensors', '--max-new-tokens', '2', ...to],
        /pad on the left/,
      ],
      [['generate', '--model', model, 'Once upon a time'], /tokenizer\.json/],
    ];
    const results = await Promise.all(cases.map(([args]) => run(...args)));
    for (const [index, [args, message]] of cases.entries()) {
      const { code, stderr } = results[index]!;
      expect({ args, code }).toEqual({ args, code: 1 });
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/\n\s+at /);
    }
    expect((await readdir(folder)).filter((name) => name.includes('refused'))).toEqual([]);
  });
});
