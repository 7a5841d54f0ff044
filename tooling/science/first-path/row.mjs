import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { audit, evaluate, readJson, think, train, writeJson } from './programs.mjs';
import { configurationOf, tunings } from './settings.mjs';

/** Questions of an audit: enough to tell thoughts that are used from thoughts that are not, in seconds. */
const auditedQuestions = 60;

export const slug = (text) => text.toLowerCase().replaceAll(/[^a-z0-9.]+/g, '-');

/** The folder of a row's reasoner. */
export const reasonerOf = ({ runs, folder, method, tuning }) =>
  join(runs, `${slug(folder)}-${method}-${slug(tuning)}`, 'run', 'reasoner');

/** A row of the table: trains, asks, evaluates, audits. What fails is a row too, and is tried again by the next run. */
export async function row({ runs, folder, name, learns, method, tuning, data, commit }) {
  const own = join(runs, `${slug(name)}-${method}-${slug(tuning)}`);
  const path = join(own, 'row.json');
  if (existsSync(path)) {
    const before = await readJson(path);
    if (!before.fault) return before;
  }
  await rm(own, { recursive: true, force: true });
  await mkdir(own, { recursive: true });
  const output = join(own, 'run');
  const { learningRate, lora } = tunings[tuning];
  const configuration = configurationOf({
    output,
    folder,
    data,
    method,
    learningRate,
    lora,
    learns,
    heldOut: data.test,
  });
  const explain = method === 'heima' || method === 'sim-cot';
  const reasoner = join(output, 'reasoner');
  const found = { folder: name, learns, method, tuning, commit };
  try {
    Object.assign(found, await train({ configuration, path: join(own, 'first-path.yaml'), output }));
    if (learns || explain) Object.assign(found, await think({ reasoner, question: '3 7 5', explain }));
    // Miniatures know nothing: that one of each folder is asked and scored is enough.
    if (learns || (method === 'heima' && tuning === 'LoRA, rows')) {
      const accuracy = await evaluate({
        reasoner,
        path: data.test,
        output: join(own, 'evaluation'),
        limit: learns ? undefined : 4,
      });
      if (learns) found.accuracy = accuracy;
      found.evaluated = true;
    }
    // Where nothing is answered right no thought can be used.
    if (learns && found.accuracy > 0)
      found.audit = await audit({ reasoner, path: data.test, output: join(own, 'audit'), limit: auditedQuestions });
  } catch (error) {
    found.fault = error.message.slice(0, 600);
  }
  await writeJson(path, found);
  console.log(JSON.stringify(found));
  return found;
}
