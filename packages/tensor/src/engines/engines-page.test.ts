import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import type { FusedKernels } from '../kernels/fused-kernels';
import { fusedKernels } from '../kernels/registry';
import type { EngineName } from './engine';
import { engines } from './registry';
import { useEngine } from './use-engine';

/** For each row of the table: what an engine supplies where its cell says "fused", or "gradient fused". */
const kernelsOf: Record<string, { forward: (keyof FusedKernels)[]; backward: (keyof FusedKernels)[] }> = {
  linear: { forward: ['linearForward'], backward: ['linearBackward'] },
  attention: { forward: ['attentionForward'], backward: ['attentionBackward'] },
  layerNorm: { forward: ['layerNormForward'], backward: ['layerNormBackward'] },
  rmsNorm: { forward: ['rmsNormForward'], backward: ['rmsNormBackward'] },
  rotary: { forward: ['rotary'], backward: ['rotary'] },
  gatedActivation: { forward: ['gatedActivationForward'], backward: ['gatedActivationBackward'] },
  activate: { forward: ['activationForward'], backward: ['activationBackward'] },
  embedding: { forward: ['embeddingForward'], backward: ['embeddingBackward'] },
  crossEntropy: {
    forward: ['crossEntropyForward', 'crossEntropyWithGradient'],
    backward: ['crossEntropyBackward', 'crossEntropyWithGradient'],
  },
  globalNorm: { forward: ['sumOfSquares', 'partialSumsOfSquares'], backward: ['sumOfSquares'] },
  AdamW: { forward: ['adamW'], backward: ['adamW'] },
  KeyValueCache: { forward: ['cacheWrite'], backward: ['cacheWrite'] },
};

const page = fileURLToPath(new URL('../../../../docs/engines.md', import.meta.url));
let names: EngineName[] = [];
/** Operation → a cell for each engine. */
const table = new Map<string, string[]>();

beforeAll(async () => {
  const text = await readFile(page, 'utf8');
  const cells = (line: string) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', ''));
  const [header, , ...rows] = text
    .slice(text.indexOf('<!-- kernels'))
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(0, 2 + Object.keys(kernelsOf).length);
  names = cells(header!).slice(1) as EngineName[];
  rows.forEach((row) => {
    const [operation, ...values] = cells(row);
    table.set(operation!, values);
  });
});

it('names every engine and operation', () => {
  expect([...names].sort()).toEqual(engines.map(({ name }) => name).sort());
  expect([...table.keys()]).toEqual(Object.keys(kernelsOf));
});

it.each(engines.map((engine) => [engine.name, engine] as const))(
  'tells what %s computes itself',
  async (name, engine) => {
    // Another engine's kernels are checked where it is installed.
    if (
      !(await engine.installed()) ||
      !(await engine.load().then(
        () => true,
        () => false,
      ))
    )
      return;
    await useEngine(name);
    const kernels = fusedKernels();
    // The column is that of an engine with its own kernels, which need a compiler.
    if (name === 'tensorflow' && !kernels.attentionForward) return;
    const column = names.indexOf(name);
    const found = Object.entries(kernelsOf).map(([operation, { forward, backward }]) => {
      const has = (keys: (keyof FusedKernels)[]) => keys.some((key) => kernels[key] !== undefined);
      return [operation, has(forward) ? 'fused' : has(backward) ? 'gradient fused' : 'composed'];
    });
    expect([...table].map(([operation, values]) => [operation, values[column]])).toEqual(found);
  },
);
