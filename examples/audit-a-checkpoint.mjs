// Audits the thoughts of any checkpoint: a folder of Subtext's, or what the code of Coconut, CODI or SIM-CoT saved.
//   node audit-a-checkpoint.mjs CHECKPOINT BASE DATA OUTPUT
// BASE: the model that was trained, for its config and tokenizer (an id such as openai-community/gpt2); of a folder of
// Subtext's it is not read. DATA: JSON lines { question, answer } whose answers are numbers.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { auditModel, formatTask, loadQuestions, writeAudit } from '@subtext/eval';
import { openRelease } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';

const [checkpoint, base, data, output] = process.argv.slice(2);
await useEngine();

/** The folder of a reasoner: the checkpoint's own, or one that is made of it. */
async function reasonerFolder() {
  if (existsSync(join(checkpoint, 'subtext.json'))) return checkpoint;
  const folder = join(output, 'reasoner');
  const { reasoner, release, notes } = await openRelease({ checkpoint, base });
  console.log([`A checkpoint of ${release}.`, ...notes].join('\n'));
  await reasoner.save({ folder });
  reasoner.dispose();
  return folder;
}

const options = {
  model: await reasonerFolder(),
  loaded: await loadQuestions({ task: formatTask({ format: 'jsonl', score: 'numeric' }), path: data, limit: 300 }),
  folder: join(output, 'audit'),
};
const audit = await auditModel(options);
await writeAudit({ audit, name: checkpoint, options });

const { thoughts, stages } = audit.result;
console.log(`Thoughts: ${thoughts.verdict}.`);
for (const { stage, verdict } of stages ?? []) console.log(`  ${stage}: ${verdict}`);
console.log(`The whole audit: ${join(options.folder, 'report.html')}`);
