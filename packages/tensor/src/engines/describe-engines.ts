import type { EngineDevice, EngineName } from './engine';
import { knownEngines } from './registry';
import { passedSelfTest } from './self-test-record';
import type { WeightDtype } from './weight-dtypes';

/** What can be said of an engine on this machine. */
export interface EngineReport {
  name: EngineName;
  summary: string;
  installed: boolean;
  /** The package behind it and its version; null if it is not installed. */
  package: string | null;
  version: string | null;
  loads: boolean;
  device: EngineDevice | null;
  /** How it can store weights that do not train. */
  weightDtypes: readonly WeightDtype[];
  /** Would `auto` take it, were it the only one? */
  automatic: boolean;
  /** Why it does not load; null if it does. */
  problem: string | null;
  /** What would make it run, or run faster. */
  advice: string | null;
}

/** Tries every engine on this machine. Computations under way stay on their engine; none is in use afterwards that was not before. */
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
