import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@subtext/core/node';
import type { TokenizerFiles } from './tokenizer';
import { TokenizerError } from './tokenizer-error';

const namedTokens = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
  'additional_special_tokens',
  'extra_special_tokens',
];

/** Writes a tokenizer's files to a folder. */
export async function saveTokenizer(options: { folder: string; files: TokenizerFiles }): Promise<void> {
  const { folder, files } = options;
  const { chat_template: _template, ...settings } = files.settings;
  const specialTokens = Object.fromEntries(
    Object.entries(settings).filter(([name, value]) => namedTokens.includes(name) && value !== null),
  );
  const texts: [string, string][] = [
    ['tokenizer.json', json(files.file)],
    ['special_tokens_map.json', json(specialTokens)],
    ['tokenizer_config.json', json(settings)],
  ];
  const more: [string, string][] = [];
  for (const [name, template] of Object.entries(files.chatTemplates)) {
    if (name === 'default') texts.push(['chat_template.jinja', template]);
    else more.push([`${name}.jinja`, template]);
  }
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, text] of texts) await writeFileAtomically({ path: join(folder, name), data: text });
    if (more.length > 0) {
      await mkdir(join(folder, 'additional_chat_templates'), { recursive: true });
      for (const [name, text] of more)
        await writeFileAtomically({ path: join(folder, 'additional_chat_templates', name), data: text });
    }
  } catch (cause) {
    throw new TokenizerError({
      code: 'input-output',
      message: `${folder}: can't write the tokenizer: ${(cause as Error).message}`,
      cause,
    });
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
