import { describe, expect, it } from 'vitest';

import { commandAskedFor } from '@subtext/terminal';

import { commands } from './registry';

describe('the commands', () => {
  it('are called what the list calls them', async () => {
    for (const [name, { load, description }] of Object.entries(commands)) {
      expect((await load()).name()).toBe(name);
      expect(description).not.toBe('');
    }
  });

  it.each([
    [['train', 'config.yaml', '--json'], 'train'],
    [['--help', 'think'], 'think'],
    [['help', 'data'], 'data'],
    [['--version'], undefined],
    [['help'], undefined],
    [['thnik'], undefined],
    [['constructor'], undefined],
    [[], undefined],
  ])('are brought only when asked for: %j', (words, name) => expect(commandAskedFor({ commands, words })).toBe(name));
});
