import type { EngineDevice, EngineName } from './engine';
import { knownEngines } from './registry';
import { passedSelfTest } from './self-test-record';
import type { WeightDtype } from './weight-dtypes';

/** Status of an engine on this machine. */
export interface EngineReport {
  name: EngineName;
  summary: string;
  installed: boolean;
  /** The package behind it and its version; null if it is not installed. */
  package: string | null;
  version: string | null;
  loads: boolean;
  device: EngineDevice | null;
  /** Dtypes in which it can store frozen weights. */
  weightDtypes: readonly WeightDtype[];
  /** Whether `auto` would choose it if it were the only engine. */
  automatic: boolean;
  /** Why it fails to load; null if it loads. */
  problem: string | null;
  /** How to make it run, or run faster. */
  advice: string | null;
}

/** Tries every engine on this machine. Computations in progress stay on their engine; the engine in use does not change. */
export async function describeEngines(): Promise<EngineReport[]> {
  const reports: EngineReport[] = [];
  for (const engine of await knownEngines()) {
    const installed = await engine.installed();
    let device: EngineDevice | null = null;
    let problem: string | null = installed ? null : 'not installed';
    if (installed) {
      try {
        device = await engine.load();
      } catch (error) {
        problem = error instanceof Error ? error.message : String(error);
      }
    }
    reports.push({
      name: engine.name,
      summary: engine.summary,
      installed: installed !== null,
      package: installed?.package ?? null,
      version: installed?.version ?? null,
      loads: device !== null,
      device,
      weightDtypes: engine.capabilities.weightDtypes ?? ['float32'],
      automatic:
        device !== null &&
        engine.preference(device) > 0 &&
        (device.kind === 'cpu' || (await passedSelfTest({ engine: engine.name, device }))),
      problem,
      advice: engine.advice({ installed: installed !== null, device }),
    });
  }
  return reports;
}
