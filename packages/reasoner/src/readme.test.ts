import { createMethod, methodNames } from './index';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

it('gives the phases that the README shows, and the README names every method', async () => {
  const text = await readFile(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8');
  const phases = createMethod({ name: 'coconut', hiddenSteps: 2 }).curriculum({
    stages: ['step_1', 'step_2', 'step_3'],
  });
  expect(text).toContain(`[${phases.map(({ name }) => `'${name}'`).join(', ')}]`);
  for (const name of methodNames) expect(text).toContain(`| \`${name}\` |`);
});
