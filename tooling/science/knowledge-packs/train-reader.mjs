import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const command = resolve(here, '../../../apps/cli/bin/subtext.js');

function subtext(...words) {
  const { status } = spawnSync(process.execPath, [command, ...words], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`subtext ${words.join(' ')} ended with exit code ${status}.`);
}

/** Makes the reader's data and trains it, as far as that is not done: the reasoner's folder. */
export function trainReader({ folder }) {
  const at = (...names) => join(folder, ...names);
  const generate = (name, ...words) =>
    subtext('data', 'generate', 'fact-sheets', at(name), '--validation', '0', '--seed', '1', ...words);
  const option = (...settings) => settings.flatMap((setting) => ['--option', setting]);
  generate('many', '--train', '30000', '--test', '0', ...option('minimumPeople=2', 'maximumPeople=8', 'questions=8'));
  generate('one', '--train', '8000', '--test', '500', ...option('minimumPeople=6', 'maximumPeople=8'));
  const train = (name, ...overrides) =>
    subtext('train', join(here, `${name}.yaml`), `output=${at(name)}`, ...overrides);
  train('reader-first', `data.train=${at('many/train.json')}`);
  train('reader', `data.train=${at('one/train.json')}`, `model.from=${at('reader-first/reasoner')}`);
  return at('reader/reasoner');
}
