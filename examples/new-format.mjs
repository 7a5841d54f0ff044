// A data format of one's own: lines `QUESTION <tab> STEP; STEP; … <tab> ANSWER`. Once registered, it is read like any other:
// streamed, with faulty lines counted by kind and named by number.
//   node new-format.mjs FILE
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

import { ExampleStream, readExamples, registerFormat } from '@subtext/data';

/** @param {{ file: string, log: any }} options */
async function* readLines({ file, log }) {
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    number += 1;
    log.report.records += 1;
    const [question, steps, answer] = line.split('\t');
    if (!answer) {
      log.add({ kind: 'record-malformed', line: number, message: 'the line has not three parts with tabs between.' });
      continue;
    }
    yield { id: String(number), question, steps: steps.split('; ').map((text) => ({ text })), answer };
  }
}

registerFormat({
  name: 'tabs',
  description: 'lines QUESTION, STEP; STEP; …, ANSWER with tabs between',
  read: ({ file, ...options }) => new ExampleStream({ ...options, file, open: (log) => readLines({ file, log }) }),
});

const [path] = process.argv.slice(2);
// Half of the lines may be faulty; with `strict`, which is the default, the first fault is an error.
const { examples, skipped, faults } = await readExamples({ path, format: 'tabs', faults: 0.5 });
console.log(`${examples.length} examples, ${skipped} left out`);
for (const fault of faults) console.log(fault);
console.log(examples[0]);
