import { cpuEngine } from './cpu-engine';
import type { Engine } from './engine';
import { tensorflowEngine } from './tensorflow-engine';
import { wasmEngine } from './wasm-engine';
import { webgpuEngine } from './webgpu-engine';

/** Every engine. To add one: a file that makes an `Engine`, and a line here. */
export const engines: readonly Engine[] = [tensorflowEngine, webgpuEngine, wasmEngine, cpuEngine];
