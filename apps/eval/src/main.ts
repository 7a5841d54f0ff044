import { runProgram } from '@subtext/terminal';

import { commands } from './commands/registry';
import { version } from '../package.json';

await runProgram({
  name: 'subtext-eval',
  description:
    'Measure models that reason: benchmarks, comparisons, and whether their thoughts are used and truly read.',
  version,
  commands,
});
