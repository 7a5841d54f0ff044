import { runProgram } from '@subtext/terminal';

import { commands } from './commands/registry';
import { version } from '../package.json';

const [first, ...words] = process.argv.slice(2);
// A program by itself, which listens to signals and tells its errors: it is handed the rest of the line.
if (first === 'eval') await (await import('@subtext/eval-cli/program')).evalProgram({ name: 'subtext eval', words });
else
  await runProgram({
    name: 'subtext',
    description: 'Train models to think in hidden tokens, decode their thoughts, and measure both.',
    version,
    commands,
  });
