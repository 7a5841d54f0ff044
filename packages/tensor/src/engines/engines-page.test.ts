import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import type { FusedKernels } from '../index';
import { fusedKernels } from '../index';
import { composedEmbedding } from '../operations/embedding';
import { composedGatedActivation } from '../operations/gated-activation';
import { composedLinear } from '../operations/linear';
import type { EngineName } from './engine';
import { knownEngines } from './registry';
import { useEngine } from '../index';

/** Operations as the page names them, and the kernels that compute them; composed halves of a kernel do not count. */
const kernelsOf: Record<string, (keyof FusedKernels)[]> = {
  linear: ['linear'],
  attention: ['attention'],
  layerNorm: ['layerNorm'],
  rmsNorm: ['rmsNorm'],
  rotary: ['rotary'],
  gatedActivation: ['gatedActivation'],
  activate: ['activation'],
  embedding: ['embedding'],
  crossEntropy: ['crossEntropy'],
  globalNorm: ['sumOfSquares', 'partialSumsOfSquares'],
  AdamW: ['adamW'],
  KeyValueCache: ['cacheWrite'],
};
const composed: unknown[] = [composedEmbedding.forward, composedGatedActivation.forward, composedLinear.forward];

const engines = await knownEngines();
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
    await useEngine({ engine: name });
    const kernels = fusedKernels();
    // The column is that of an engine with its own kernels, which need a compiler.
    if (name === 'tensorflow' && !kernels.attention) return;
    const column = names.indexOf(name);
    const found = Object.entries(kernelsOf).map(([operation, keys]) => {
      const own = keys.map((key) => kernels[key]).find((kernel) => kernel !== undefined);
      if (own === undefined) return [operation, 'composed'];
      const half = typeof own === 'object' && 'forward' in own && composed.includes(own.forward);
      return [operation, half ? 'gradient fused' : 'fused'];
    });
    expect([...table].map(([operation, values]) => [operation, values[column]])).toEqual(found);
  },
);
