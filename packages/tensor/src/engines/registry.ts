import { tf } from '../tensorflow';
import { EngineError } from '../errors';
import { cpuEngine } from './cpu/engine';
import type { Engine, EngineCapabilities, EngineMemory } from './engine';
import { enginePackages, loadEnginePackage } from './engine-packages';
import { wasmEngine } from './wasm/engine';

const registered = new Map<string, Engine>([wasmEngine, cpuEngine].map((engine) => [engine.name, engine]));

/** Makes an engine known; one of the same name gives way. Engines in packages `@subtext/engine-NAME` beside this one need it not. */
export function registerEngine(engine: Engine): void {
  registered.set(engine.name, engine);
}

/** Every engine that is registered or whose package is installed beside this one. */
export async function knownEngines(): Promise<Engine[]> {
  for (const name of await enginePackages()) await findEngine(name);
  return [...registered.values()];
}

/** The engine of a name, from its package if need be; null if there is none. */
export async function findEngine(name: string): Promise<Engine | null> {
  const known = registered.get(name);
  if (known) return known;
  const found = await loadEnginePackage(name);
  if (found) registered.set(name, found);
  return found;
}

/** The engine whose backend computes now; null before one is in use. */
export function engineInUse(): Engine | null {
  const backend = tf.getBackend();
  return [...registered.values()].find((engine) => engine.backend === backend) ?? null;
}

/**
 * What the engine in use can do, or the one of this name.
 *
 * @throws EngineError `no-engine` where none is in use, `unknown-engine` where none of the name has been registered or used.
 */
export function engineCapabilities(name?: string): EngineCapabilities {
  const engine = name === undefined ? engineInUse() : registered.get(name);
  if (engine) return engine.capabilities;
  if (name === undefined) throw noEngine();
  throw new EngineError({
    engine: name,
    code: 'unknown-engine',
    message: `Nothing is known of the engine '${name}': register it, or load it with \`await useEngine({ engine: '${name}' })\`, first.`,
  });
}

/** How numbers come into the memory of the engine in use; empty where `tf.tensor` is the way. */
export function engineMemory(): EngineMemory {
  return engineInUse()?.memory ?? {};
}

/** Said where an engine is needed and none is in use. */
export function noEngine(): EngineError {
  return new EngineError({
    engine: 'none',
    code: 'no-engine',
    message: 'No engine is in use: call `await useEngine()` first.',
  });
}
