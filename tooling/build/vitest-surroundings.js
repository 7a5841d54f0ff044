import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
// The file itself: what imports more would be loaded before a test can put a stand-in for `node:fs`.
import { tuneProcess } from '../../packages/core/src/process/tune-process.ts';

// A test's answer is that of the code, not of whoever runs it: no settings, credentials or caches of theirs are seen, by the
// commands that tests start neither. Engines that they installed are (SUBTEXT_ENGINES, or the cache folder): tests of an
// engine run where it is.
for (const name of Object.keys(process.env)) {
  if (
    /^(?:HF_|HUGGING_?FACE|WANDB_|SUBTEXT_(?!ENGINES$|TEST_))/.test(name) ||
    /^(?:NODE_OPTIONS|NODE_PATH)$/.test(name)
  )
    delete process.env[name];
}
process.env.HF_HOME = join(tmpdir(), 'subtext-tests-no-hub-cache');
// An id of the hub that slips in ends at a port where nothing listens, not on the network.
process.env.HF_ENDPOINT = 'http://127.0.0.1:9';
// As the programs do, so that what they compute is compared with the same bytes.
tuneProcess();
