import { adapterOf, type Graphics, isSoftware } from '@subtext/engine-webgpu/adapter';

import type { EngineInfo } from './engine/protocol';

/** What the address asks for (`engine=webgpu`). */
export const engines = ['auto', 'wasm', 'webgpu'] as const;
export type Wanted = (typeof engines)[number];

/**
 * Weights of so many bytes at least are worth a GPU's start, which compiles its shaders. WebAssembly takes 149 passes a
 * second through 50 MB of weights (docs/results/engines.md): up to here the twenty positions or so that a change has
 * thought anew take it less than a tenth of a second.
 */
const LEAST_BYTES = 32 * 2 ** 20;

/** The engine that is to compute, and why it is not the other. */
export interface Chosen {
  engine: EngineInfo['engine'];
  why: string;
}

/**
 * WebGPU where there is a real GPU and a model for which it is worth its start, else WebAssembly. An engine that was asked
 * for is taken, also on an adapter that the processor imitates.
 */
export async function chooseEngine({
  wanted,
  bytes,
  graphics,
}: {
  wanted: Wanted;
  /** Bytes of the weights of all models that are opened. */
  bytes: number;
  /** The browser's `navigator.gpu`; undefined where it has none. */
  graphics: Graphics | undefined;
}): Promise<Chosen> {
  const wasm = (why: string): Chosen => ({ engine: 'wasm', why });
  if (wanted === 'wasm') return wasm('asked for');
  if (wanted === 'auto' && bytes < LEAST_BYTES) return wasm('fast enough for a small model');
  if (graphics === undefined) return wasm('this browser has no WebGPU');
  const adapter = await adapterOf(graphics).catch(() => null);
  if (adapter === null) return wasm('this browser provides no graphics adapter');
  if (wanted === 'webgpu') return { engine: 'webgpu', why: 'asked for' };
  return isSoftware(adapter)
    ? wasm('the only graphics adapter is software-emulated')
    : { engine: 'webgpu', why: 'there is a GPU' };
}

/** What the page's address asks for. */
export function wantedEngine(search: string): Wanted {
  const asked = new URLSearchParams(search).get('engine');
  return engines.find((one) => one === asked) ?? 'auto';
}
