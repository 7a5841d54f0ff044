import { tf } from '../tensorflow';

/** The part of TensorFlow.js's engine that tracks the active backend (4.22; the version is pinned). */
interface BackendState {
  registry: Record<string, unknown>;
  registryFactory: Record<string, { factory: () => unknown } | undefined>;
  backendName: string | undefined;
  backendInstance: unknown;
  profiler: unknown;
}

const state = () => tf.engine() as unknown as BackendState;

/**
 * Initialises a registered backend, like `tf.setBackend`, but without making it the active one: computations in progress
 * stay on their backend.
 */
export async function initialiseBackend(name: string): Promise<void> {
  const { registry, registryFactory } = state();
  if (registry[name]) return;
  const entry = registryFactory[name];
  if (!entry) throw new Error(`the backend '${name}' has not been registered`);
  const made = await entry.factory();
  // A concurrent call may have finished first, and its backend may already hold tensors.
  registry[name] ??= made;
}

/** Runs code that activates its own backend, then restores the previous one (or none). */
export function keepingBackend<T>(load: () => T): T {
  const engine = state();
  const { backendName, backendInstance, profiler } = engine;
  try {
    return load();
  } finally {
    Object.assign(engine, { backendName, backendInstance, profiler });
  }
}
