import { tf } from '../tensorflow';
import { useEngine } from '../engines/use-engine';
import type { EngineName } from '../engines/engine';
import type { CaseResult } from './check-case';

export interface SelfTestOptions {
  /** @default the one in use */
  engine?: EngineName;
  /** Called after each case, for progress. */
  onCase?: (progress: { done: number; total: number; result: CaseResult }) => void;
}

export interface SelfTestReport {
  engine: string;
  passed: number;
  failed: number;
  /** Total time in milliseconds. */
  milliseconds: number;
  results: CaseResult[];
}

/**
 * Tests an engine against the float64 reference: every operation and its gradient with odd shapes, masks and grouped
 * heads, the optimizer, the cache and a short training run. Takes seconds. The engine stays in use afterwards.
 *
 * @throws EngineError if `engine` cannot run here
 */
export async function selfTest({ engine, onCase }: SelfTestOptions = {}): Promise<SelfTestReport> {
  if (engine) {
    await useEngine({ engine });
  }
  const started = performance.now();
  const [{ parityCases }, { checkCase }, { stateChecks }] = await Promise.all([
    import('./cases'),
    import('./check-case'),
    import('./state-checks'),
  ]);
  const checks = [
    ...parityCases.map((parityCase) => async () => checkCase(parityCase)),
    ...stateChecks.map((check) => check.run),
  ];
  const results: CaseResult[] = [];
  for (const check of checks) {
    const result = await check();
    results.push(result);
    onCase?.({ done: results.length, total: checks.length, result });
  }
  const failed = results.filter(({ faults }) => faults.length > 0).length;
  return {
    engine: tf.getBackend(),
    passed: results.length - failed,
    failed,
    milliseconds: performance.now() - started,
    results,
  };
}

/**
 * Tests one case of each operation with its gradient on a loaded backend, in about a second. Restores the previous backend
 * afterwards.
 */
export async function quickSelfTest(backend: string): Promise<boolean> {
  const [{ parityCases }, { checkCase }] = await Promise.all([import('./cases'), import('./check-case')]);
  const before = (tf.engine() as unknown as { backendName?: string }).backendName;
  const seen = new Set<string>();
  const cases = parityCases.filter(({ name }) => {
    const operation = name.split(' ')[0]!;
    return !seen.has(operation) && seen.add(operation);
  });
  try {
    if (!(await tf.setBackend(backend))) return false;
    for (const parityCase of cases) if ((await checkCase(parityCase)).faults.length > 0) return false;
    return true;
  } finally {
    if (before !== undefined) await tf.setBackend(before);
  }
}
