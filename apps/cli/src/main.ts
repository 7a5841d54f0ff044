import { runProgram } from '@subtext/terminal';

import { commands } from './commands/registry';
import { version } from '../package.json';

await runProgram({
  name: 'subtext',
  description: 'Train models to think in hidden tokens, read their thoughts back, and measure both.',
  version,
  commands,
});
