import { tf } from '../tensorflow';
import { EngineError } from '../errors';
import { cpuEngine } from './cpu/engine';
import type { Engine, EngineCapabilities, EngineMemory } from './engine';
import { enginePackages, loadEnginePackage } from './engine-packages';
import { wasmEngine } from './wasm/engine';

const registered = new Map<string, Engine>([wasmEngine, cpuEngine].map((engine) => [engine.name, engine]));

/** Registers an engine, replacing one of the same name. Not needed for installed packages `@subtext/engine-NAME`. */
export function registerEngine(engine: Engine): void {
  registered.set(engine.name, engine);
}

/** All engines that are registered or whose package is installed next to this one. */
export async function knownEngines(): Promise<Engine[]> {
  for (const name of await enginePackages()) await findEngine(name);
  return [...registered.values()];
}

/** Finds an engine by name, loading its package if needed; null if there is none. */
export async function findEngine(name: string): Promise<Engine | null> {
  const known = registered.get(name);
  if (known) return known;
  const found = await loadEnginePackage(name);
  if (found) registered.set(name, found);
  return found;
}

/** The engine in use, or null. */
export function engineInUse(): Engine | null {
  const backend = tf.getBackend();
  return [...registered.values()].find((engine) => engine.backend === backend) ?? null;
}

/**
 * Capabilities of the engine in use, or of the named one.
 *
 * @throws EngineError `no-engine` if none is in use, `unknown-engine` if the named one has not been registered or used
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

/** Memory functions of the engine in use; empty if it has none beyond `tf.tensor`. */
export function engineMemory(): EngineMemory {
  return engineInUse()?.memory ?? {};
}

/** The error for a missing engine. */
export function noEngine(): EngineError {
  return new EngineError({
    engine: 'none',
    code: 'no-engine',
    message: 'No engine is in use: call `await useEngine()` first.',
  });
}
