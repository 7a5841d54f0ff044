import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChatTemplates } from './chat-template';
import { Tokenizer } from './tokenizer';
import { TokenizerError } from './tokenizer-error';
import { checkTokenizerFile, isObject, type TokenizerSettings } from './tokenizer-file';

/**
 * Loads the tokenizer of a Hugging Face folder: tokenizer.json, and where they are there tokenizer_config.json,
 * special_tokens_map.json and chat_template.jinja (or chat_template.json).
 *
 * Truncation and padding settings of tokenizer.json are kept but not applied: texts are encoded whole.
 *
 * @throws TokenizerError `not-found`, `input-output`, `invalid-file`, `unsupported-component`
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const path = join(folder, 'tokenizer.json');
  const file = await readJson(path);
  if (file === undefined) throw await missingTokenizer(folder);
  const settings = (await readObject(join(folder, 'tokenizer_config.json'))) ?? {};
  const specialTokens = (await readObject(join(folder, 'special_tokens_map.json'))) ?? {};
  return new Tokenizer({
    file: checkTokenizerFile(file, path),
    settings: { ...specialTokens, ...settings } as TokenizerSettings,
    chatTemplates: await readChatTemplates(folder, settings),
  });
}

async function readChatTemplates(folder: string, settings: TokenizerSettings): Promise<ChatTemplates> {
  const templates: Record<string, string> = {};
  const setting = settings.chat_template;
  if (typeof setting === 'string') templates['default'] = setting;
  else if (Array.isArray(setting)) for (const { name, template } of setting) templates[name] = template;
  const older = await readObject(join(folder, 'chat_template.json'));
  if (typeof older?.['chat_template'] === 'string') templates['default'] = older['chat_template'];
  const own = await readText(join(folder, 'chat_template.jinja'));
  if (own !== undefined) templates['default'] = own;
  const more = await readdir(join(folder, 'additional_chat_templates')).catch(() => []);
  for (const name of more.filter((other) => other.endsWith('.jinja'))) {
    templates[name.slice(0, -'.jinja'.length)] = (await readText(join(folder, 'additional_chat_templates', name)))!;
  }
  return templates;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new TokenizerError({ code: 'input-output', message: `${path}: can't read it: ${(cause as Error).message}`, cause });
  }
}

async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new TokenizerError({ code: 'invalid-file', message: `${path}: this is not JSON: ${(cause as Error).message}`, cause });
  }
}

async function readObject(path: string): Promise<TokenizerSettings | undefined> {
  const value = await readJson(path);
  if (value !== undefined && !isObject(value)) throw new TokenizerError({ code: 'invalid-file', message: `${path}: the file is not a JSON object` });
  return value;
}

async function missingTokenizer(folder: string): Promise<TokenizerError> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    return new TokenizerError({ code: 'not-found', message: `${folder}: there is no such folder`, cause });
  }
  const others = ['vocab.json', 'merges.txt', 'vocab.txt', 'tokenizer.model', 'spiece.model', 'sentencepiece.bpe.model'].filter((name) => names.includes(name));
  const hint =
    others.length === 0
      ? 'is it a model folder?'
      : `it has ${others.join(', ')}, of an older kind: convert it with transformers, AutoTokenizer.from_pretrained(folder).save_pretrained(folder)`;
  return new TokenizerError({ code: 'not-found', message: `${folder}: the folder has no tokenizer.json; ${hint}` });
}
