import { describeEngines, useEngine, type EngineName } from '@subtext/tensor';
import { beforeAll, describe } from 'vitest';

const reports = await describeEngines();

/** The engines that work on this machine and compute at a usable precision. */
const presentEngines: EngineName[] = reports
  .filter((report) => report.loads && !report.device?.software)
  .map((report) => report.name);

/** Runs a group of tests on every engine present. */
export function describeOnEngines(title: string, tests: (engine: EngineName) => void): void {
  describe.each(presentEngines)(`${title} on %s`, (engine) => {
    beforeAll(async () => {
      await useEngine({ engine });
    });
    tests(engine);
  });
}
