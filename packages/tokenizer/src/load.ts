import { parseJson, SubtextError } from '@subtext/core';
import { FileError, readTextFile } from '@subtext/core/node';
import { resolveModelFolder, type HubOptions } from '@subtext/hub';
import { opendir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChatTemplates } from './chat-template';
import { withMistralSplit } from './mistral-split';
import { resolveSpecialTokens } from './special-tokens';
import { Tokenizer } from './tokenizer';
import { TokenizerError } from './tokenizer-error';
import { checkTokenizerFile, isObject, type TokenizerSettings } from './tokenizer-file';

export interface LoadTokenizerOptions {
  /** A local folder, or a Hugging Face Hub id (no weights are downloaded). */
  folder: string;
  /** Options for hub ids: revision, token, progress. */
  hub?: HubOptions;
}

/**
 * Loads the tokenizer of a Hugging Face folder or hub model: tokenizer.json and, if present, tokenizer_config.json,
 * special_tokens_map.json, added_tokens.json and chat_template.jinja (or chat_template.json). Special tokens are resolved
 * from the four files like in transformers.
 *
 * Truncation and padding settings of tokenizer.json are kept but not applied: texts are encoded in full.
 *
 * @throws TokenizerError `not-found`, `input-output`, `invalid-file`, `unsupported-component`; HubError
 */
export async function loadTokenizer(options: LoadTokenizerOptions): Promise<Tokenizer> {
  const folder = await resolveModelFolder({ ...options.hub, folder: options.folder, needs: ['tokenizer.json'] });
  const path = join(folder, 'tokenizer.json');
  const file = await readJson(path);
  if (file === undefined) throw await missingTokenizer(folder);
  const settings = (await readObject(join(folder, 'tokenizer_config.json'))) ?? {};
  const checked = checkTokenizerFile(file, path);
  const resolved = resolveSpecialTokens({
    file: settings['fix_mistral_regex']
      ? withMistralSplit({ file: checked, settings, configuration: await readObject(join(folder, 'config.json')) })
      : checked,
    settings,
    specialTokensMap: await readObject(join(folder, 'special_tokens_map.json')),
    addedTokens: await readObject(join(folder, 'added_tokens.json')),
  });
  return new Tokenizer({ ...resolved, chatTemplates: await readChatTemplates(folder, settings) });
}

async function readChatTemplates(folder: string, settings: TokenizerSettings): Promise<ChatTemplates> {
  // A Map, because names come from files.
  const templates = new Map<string, string>();
  const setting: unknown = settings.chat_template;
  if (typeof setting === 'string') templates.set('default', setting);
  else if (Array.isArray(setting)) {
    for (const entry of setting as unknown[]) {
      if (!isObject(entry) || typeof entry['name'] !== 'string' || typeof entry['template'] !== 'string') {
        throw new TokenizerError({
          code: 'invalid-file',
          message: `${join(folder, 'tokenizer_config.json')}: "chat_template" is not a list of names and templates`,
        });
      }
      templates.set(entry['name'], entry['template']);
    }
  } else if (setting !== undefined && setting !== null)
    throw new TokenizerError({
      code: 'invalid-file',
      message: `${join(folder, 'tokenizer_config.json')}: "chat_template" is not a string`,
    });
  const older = await readObject(join(folder, 'chat_template.json'));
  if (typeof older?.['chat_template'] === 'string') templates.set('default', older['chat_template']);
  const own = await readText(join(folder, 'chat_template.jinja'));
  if (own !== undefined) templates.set('default', own);
  const more = await templateNames(join(folder, 'additional_chat_templates'));
  for (const name of more) {
    const text = await readText(join(folder, 'additional_chat_templates', name));
    if (text !== undefined) templates.set(name.slice(0, -'.jinja'.length), text);
  }
  return Object.fromEntries(templates);
}

/** Maximum number of templates in a folder. */
const mostTemplates = 100;

async function templateNames(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(folder)) {
      if (!name.endsWith('.jinja')) continue;
      if (names.length === mostTemplates)
        throw new TokenizerError({ code: 'invalid-file', message: `${folder}: more than ${mostTemplates} templates` });
      names.push(name);
    }
  } catch (error) {
    if (TokenizerError.isInstance(error)) throw error;
    return [];
  }
  return names.sort();
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readTextFile({ path });
  } catch (cause) {
    if (!FileError.isInstance(cause)) throw cause;
    if (cause.code === 'not-found' || (cause.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOTDIR')
      return undefined;
    throw new TokenizerError({
      code: cause.code === 'input-output' ? 'input-output' : 'invalid-file',
      message: cause.message,
      cause,
    });
  }
}

async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    return parseJson({ text, name: path });
  } catch (cause) {
    if (!SubtextError.isInstance(cause)) throw cause;
    throw new TokenizerError({ code: 'invalid-file', message: cause.message, cause });
  }
}

async function readObject(path: string): Promise<TokenizerSettings | undefined> {
  const value = await readJson(path);
  if (value !== undefined && !isObject(value))
    throw new TokenizerError({ code: 'invalid-file', message: `${path}: the file is not a JSON object` });
  return value;
}

async function missingTokenizer(folder: string): Promise<TokenizerError> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    return new TokenizerError({ code: 'not-found', message: `${folder}: no such folder`, cause });
  }
  const others = [
    'vocab.json',
    'merges.txt',
    'vocab.txt',
    'tokenizer.model',
    'spiece.model',
    'sentencepiece.bpe.model',
  ].filter((name) => names.includes(name));
  const hint =
    others.length === 0
      ? 'is it a model folder?'
      : `it has ${others.join(', ')} in an older format: convert it with transformers, AutoTokenizer.from_pretrained(folder).save_pretrained(folder)`;
  return new TokenizerError({ code: 'not-found', message: `${folder}: the folder has no tokenizer.json; ${hint}` });
}
