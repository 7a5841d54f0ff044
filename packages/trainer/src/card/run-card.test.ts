import { useEngine } from '@subtext/tensor';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import type { SavedModel } from '../run/run-options';
import { type CardSubject, writeRunCard } from './run-card';

let folder: string;
beforeAll(async () => useEngine({ engine: 'cpu' }));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-card-'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const heima = { name: 'heima', thinkingTokens: 1 };

/** The card of a run, in parts. */
async function cardOf({ kind, ...subject }: Partial<CardSubject> & Pick<SavedModel, 'kind'>) {
  await writeRunCard({
    model: { kind, folder, steps: 34, examples: 12 },
    run: '/home/someone/runs/mine',
    subject: { method: heima, pictures: false, feedsBack: false, visibility: false, settings: { Seed: 1 }, ...subject },
  });
  const text = await readFile(join(folder, 'README.md'), 'utf8');
  const [, lines, body] = /^---\n([^]*?)\n---\n([^]*)$/.exec(text)!;
  const entries = lines!.split('\n').map((line) => /^(\w+): (.*)$/.exec(line)!);
  return {
    frontMatter: Object.fromEntries(entries.map(([, key, value]) => [key, JSON.parse(value!) as unknown])),
    body: body!,
  };
}

it('of a model from the Hub names it, and how it was trained and is loaded, and no path of this machine', async () => {
  const { frontMatter, body } = await cardOf({ kind: 'reasoner', pictures: true, from: 'Qwen/Qwen2.5-0.5B' });
  expect(frontMatter).toEqual({
    base_model: 'Qwen/Qwen2.5-0.5B',
    base_model_relation: 'finetune',
    library_name: 'transformers',
    pipeline_tag: 'image-text-to-text',
    tags: ['subtext', 'latent-reasoning', 'heima'],
  });
  expect(body).toMatch(/^# mine$/m);
  expect(body).toContain('| Data | 12 examples |');
  expect(body).toContain('| Steps | 34 |');
  expect(body).toContain('"name":"heima","thinkingTokens":1');
  expect(body).toContain('AutoModelForImageTextToText.from_pretrained("FOLDER_OR_ID")');
  expect(body).toContain('Its licence is not stated');
  expect(body).not.toContain('someone');
});

it('of an adapter is one for PEFT', async () => {
  const { frontMatter, body } = await cardOf({
    kind: 'adapter',
    from: 'Qwen/Qwen2.5-0.5B',
    lora: { rank: 4, alpha: 32 },
  });
  expect(frontMatter).toMatchObject({
    base_model_relation: 'adapter',
    library_name: 'peft',
    pipeline_tag: 'text-generation',
    tags: ['subtext', 'latent-reasoning', 'heima', 'adapter'],
  });
  expect(body).toContain('| Adapter | LoRA, rank 4, alpha 32 |');
  expect(body).toContain('AutoPeftModelForCausalLM');
});

it('says what transformers does not do with thoughts that are fed back', async () => {
  const { body } = await cardOf({
    kind: 'reasoner',
    method: { name: 'coconut' },
    feedsBack: true,
    data: 'sums',
  });
  expect(body).toContain('`generate` there gives other answers');
  expect(body).toContain('| Starts from | random weights |');
  expect(body).toContain('| Data | sums |');
});

it('says what transformers does not do with a visibility table', async () => {
  const { body } = await cardOf({ kind: 'reasoner', visibility: true });
  expect(body).toMatch(/visibility table .* `generate` there gives other answers/);
});

it('of a folder takes over what its own card says of where it comes from', async () => {
  const from = join(folder, 'base');
  await mkdir(from);
  await writeFile(join(from, 'README.md'), '---\nbase_model: owner/name\nlicense: apache-2.0\n---\n\nA model.\n');
  const { frontMatter, body } = await cardOf({ kind: 'reasoner', from });
  expect(frontMatter).toMatchObject({ base_model: 'owner/name', license: 'apache-2.0' });
  expect(body).not.toContain('licence is not stated');
});

it('of a folder with a card that cannot be read names none', async () => {
  const from = join(folder, 'base');
  await mkdir(from);
  await writeFile(join(from, 'README.md'), '---\n: [\n---\n');
  const { frontMatter, body } = await cardOf({ kind: 'interpreter', from });
  expect(frontMatter).not.toHaveProperty('base_model');
  expect(body).toContain('--explain');
});
