import { tf } from '../tensorflow';

/** The part of TensorFlow.js's engine that says which backend computes (4.22; the version is pinned). */
interface BackendState {
  registry: Record<string, unknown>;
  registryFactory: Record<string, { factory: () => unknown } | undefined>;
  backendName: string | undefined;
  backendInstance: unknown;
  profiler: unknown;
}

const state = () => tf.engine() as unknown as BackendState;

/**
 * Makes a registered backend ready, as `tf.setBackend` does, but without having it compute: whatever computes meanwhile
 * goes on where it is.
 */
export async function initialiseBackend(name: string): Promise<void> {
  const { registry, registryFactory } = state();
  if (registry[name]) return;
  const entry = registryFactory[name];
  if (!entry) throw new Error(`the backend '${name}' has not been registered`);
  const made = await entry.factory();
  // Another call may have been quicker: tensors may live there already.
  registry[name] ??= made;
}

/** Runs code that makes its own backend the one that computes, and gives the place back to the one before, or to none. */
export function keepingBackend<T>(load: () => T): T {
  const engine = state();
  const { backendName, backendInstance, profiler } = engine;
  try {
    return load();
  } finally {
    Object.assign(engine, { backendName, backendInstance, profiler });
  }
}
