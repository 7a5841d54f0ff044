import { expect, it } from 'vitest';

import { trainConfiguration } from '../configuration/schema';
import { withoutSecrets } from './saved-configuration';

it('holds no secret: neither the options of loggers nor passwords in addresses', () => {
  const configuration = trainConfiguration.parse({
    output: 'run',
    data: { train: 'https://me:hidden-3@host/x.jsonl' },
    model: { new: {} },
    method: { name: 'cot' },
    logs: { modules: [{ path: 'l.mjs', options: { token: 'hidden-1', deep: { list: ['hidden-2'] } } }] },
  });
  const text = JSON.stringify(withoutSecrets(configuration));
  expect(text).not.toContain('hidden');
  expect(text).toContain('"token":"***"');
  expect(text).toContain('l.mjs');
});
