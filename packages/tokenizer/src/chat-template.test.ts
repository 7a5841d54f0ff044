import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import type { ChatMessage } from './chat-template';
import { loadTokenizer } from './load';
import type { Tokenizer } from './tokenizer';
import { trainWordLevelTokenizer } from './train-word-level';

const { templates, cases } = JSON.parse(
  gunzipSync(readFileSync(new URL('../test/fixtures/chat-templates.json.gz', import.meta.url))).toString(),
) as {
  templates: Record<string, string>;
  cases: {
    template: string;
    messages: ChatMessage[];
    addGenerationPrompt: boolean;
    variables: Record<string, unknown>;
    expected: string;
  }[];
};
const trained = trainWordLevelTokenizer({ texts: ['a'] });

/** The same tokenizer with templates, as a folder holds them. */
async function withTemplates(templates: Record<string, string>): Promise<Tokenizer> {
  const folder = await mkdtemp(join(tmpdir(), 'subtext-templates-'));
  try {
    await trained.save({ folder });
    await mkdir(join(folder, 'additional_chat_templates'));
    for (const [name, template] of Object.entries(templates))
      await writeFile(join(folder, 'additional_chat_templates', `${name}.jinja`), template);
    return await loadTokenizer({ folder });
  } finally {
    await rm(folder, { recursive: true });
  }
}
const tokenizer = await withTemplates(templates);

describe('applyChatTemplate', () => {
  it.each(cases)(
    'writes what transformers writes: $template, generation prompt: $addGenerationPrompt',
    ({ template, messages, addGenerationPrompt, variables, expected }) => {
      expect(tokenizer.applyChatTemplate(messages, { template, addGenerationPrompt, variables })).toBe(expected);
    },
  );

  it('says what is missing, and why a template refuses', async () => {
    const messages = [{ role: 'assistant', content: 'x' }];
    expect(() => trained.applyChatTemplate(messages)).toThrow(/no chat template \(neither chat_template\.jinja/);
    expect(() => tokenizer.applyChatTemplate(messages)).toThrow(
      /no chat template "default"; it has chatml, llama2, llama3\.2-vision-like, llama3, /,
    );
    expect(() => tokenizer.applyChatTemplate(messages, { template: 'llama2' })).toThrow(
      /Conversation roles must alternate/,
    );
    const broken = await withTemplates({ broken: '{% for x in %}' });
    expect(() => broken.applyChatTemplate(messages, { template: 'broken' })).toThrow(
      expect.objectContaining({ code: 'chat-template-failed' }),
    );
  });
});
