import { beforeAll, describe, expect, it } from 'vitest';
import { useEngine } from '../engines/use-engine';
import type { EngineName } from '../engines/engine';
import { knownEngines } from '../engines/registry';
import { checkCase } from './check-case';
import { parityCases } from './cases';
import { stateChecks } from './state-checks';

/**
 * Every engine that is installed and loads here takes the whole suite; `cpu` and `wasm` are always among them. A GPU
 * that a processor imitates takes minutes: only with SUBTEXT_TEST_SOFTWARE_GPU=1.
 */
const present: EngineName[] = [];
for (const engine of await knownEngines()) {
  if (await engine.installed()) {
    try {
      const device = await engine.load();
      if (!device.software || process.env.SUBTEXT_TEST_SOFTWARE_GPU === '1') {
        present.push(engine.name);
      }
    } catch {
      // `describeEngines` says why it does not load.
    }
  }
}

describe('present engines', () => {
  it('include those that need nothing but npm', () => {
    expect(present).toContain('cpu');
    expect(present).toContain('wasm');
  });
});

describe.each(present)('parity on %s', (name) => {
  beforeAll(async () => {
    await useEngine({ engine: name });
  });

  it.each(parityCases.map((parityCase) => [parityCase.name, parityCase] as const))('%s', async (_, parityCase) => {
    expect((await checkCase(parityCase)).faults).toEqual([]);
  });

  it.each(stateChecks.map((check) => [check.name, check] as const))('%s', async (_, check) => {
    expect((await check.run()).faults).toEqual([]);
  });
});
