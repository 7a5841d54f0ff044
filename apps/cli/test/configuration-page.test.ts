import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { subtext } from './run-command';
import { tinyConfiguration } from './tiny-run';

const page = new URL('../../../docs/configuration.md', import.meta.url);

let folder: string;
const run = (...args: string[]) => subtext(args, { folder });
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-configuration-page-'));
  const data = join('data', 'LLaVA-CoT-100k');
  expect(await run('data', 'generate', 'scenes', data, '--train', '12', '--test', '1')).toMatchObject({ code: 0 });
  // A small model that sees, as a Hugging Face folder: without what Subtext keeps of a reasoner.
  await writeFile(
    join(folder, 'small.yaml'),
    tinyConfiguration
      .replace('output: run', 'output: small')
      .replace('data/train.jsonl', `${data}/train.jsonl`)
      .replace('method: { name: heima, thinkingTokens: 1 }', 'method: { name: no-cot }')
      .replace('text: { steps: 12 }', 'text: { steps: 1 }')
      .replace(/^ {2}(?:encode|recover): .*\n/gm, '')
      .replace(/^interpreters:[^]*/m, ''),
  );
  expect(await run('train', 'small.yaml', 'workers=0')).toMatchObject({ code: 0, stderr: '' });
  await mkdir(join(folder, 'models'));
  const model = join(folder, 'models', 'SmolVLM-256M-Instruct');
  await cp(join(folder, 'small', 'reasoner'), model, { recursive: true });
  for (const name of ['subtext.json', 'README.md']) await rm(join(model, name));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

it('the configuration at the head of its page trains, with a small model in the place of the one it names', async () => {
  const [, text] = /^```yaml\n([^]*?)^```/m.exec(await readFile(page, 'utf8'))!;
  await writeFile(join(folder, 'page.yaml'), text!);
  const planned = await run('train', 'page.yaml', '--dry-run');
  expect(planned).toMatchObject({ code: 0, stderr: '' });
  expect(planned.stdout).toMatch(/hide caption: 1 steps? of/);
  const trained = await run('train', 'page.yaml', 'workers=0', '--json');
  expect(trained).toMatchObject({ code: 0, stderr: '' });
  const reasoner = join(folder, 'runs', 'mine', 'reasoner');
  expect(await readdir(join(reasoner, 'adapter'))).toEqual(
    expect.arrayContaining(['README.md', 'adapter_config.json', 'adapter_model.safetensors', 'tokenizer.json']),
  );
  const asked = await run(
    'think',
    'what shape is there ?',
    '--model',
    reasoner,
    '--image',
    join('data', 'LLaVA-CoT-100k', 'images', 'test', '000001.png'),
    '--explain',
    '--json',
  );
  expect(asked).toMatchObject({ code: 0, stderr: '' });
  expect(asked.events.at(-1)).toHaveProperty('explanations');
}, 180_000);
