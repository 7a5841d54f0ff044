import { readFile } from 'node:fs/promises';
import { describeEngines } from '@subtext/tensor';
import { expect, it, vi } from 'vitest';

it('the example in the README runs: the package is found beside tensor, and says whether it runs', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const [, example] = /```ts\nimport \{ describeEngines \} from '@subtext\/tensor';\n([^]*?)```/.exec(readme)!;
  const log = vi.spyOn(console, 'log').mockReturnValue();
  const AsyncFunction = (async () => {}).constructor as new (
    ...code: string[]
  ) => (...values: unknown[]) => Promise<void>;
  await new AsyncFunction('describeEngines', example!)(describeEngines);
  expect(log.mock.lastCall![0]).toMatch(/^(runs: .|to do: .*C\+\+ compiler)/);
  log.mockRestore();
});
