import { TokenizerError } from './tokenizer-error';

/** A component of tokenizer.json: its type and settings. */
export interface ComponentConfiguration {
  type: string;
  [setting: string]: unknown;
}

/** A token in addition to the model's vocabulary, matched in the text before any other step. */
export interface AddedToken {
  /** Id of the token. */
  id: number;
  /** Text of the token. */
  content: string;
  /** Matched only as a whole word. */
  single_word: boolean;
  /** Strips whitespace before it. */
  lstrip: boolean;
  /** Strips whitespace after it. */
  rstrip: boolean;
  /** Matched in the normalised text. */
  normalized: boolean;
  /** Omitted by `skipSpecialTokens`. */
  special: boolean;
}

/** The model part of tokenizer.json. */
export interface ModelConfiguration extends ComponentConfiguration {
  vocab: Record<string, number> | [string, number][];
}

/** The parts of tokenizer.json that are used here; the rest is preserved. */
export interface TokenizerFile {
  version?: string;
  added_tokens: AddedToken[];
  normalizer: ComponentConfiguration | null;
  pre_tokenizer: ComponentConfiguration | null;
  post_processor: ComponentConfiguration | null;
  decoder: ComponentConfiguration | null;
  model: ModelConfiguration;
  [other: string]: unknown;
}

/** The parts of tokenizer_config.json that are used here; the rest is preserved. */
export interface TokenizerSettings {
  bos_token?: SpecialTokenSetting;
  eos_token?: SpecialTokenSetting;
  unk_token?: SpecialTokenSetting;
  pad_token?: SpecialTokenSetting;
  split_special_tokens?: boolean | null;
  clean_up_tokenization_spaces?: boolean | null;
  chat_template?: string | { name: string; template: string }[] | null;
  added_tokens_decoder?: Record<string, Omit<AddedToken, 'id'>>;
  model_max_length?: number;
  [other: string]: unknown;
}

/** A special token in a settings file: its text, or an object with its text. */
export type SpecialTokenSetting = string | (Partial<Omit<AddedToken, 'id'>> & { content: string }) | null;

/** Text of a special token setting. */
export function settingText(setting: SpecialTokenSetting | undefined): string | undefined {
  if (typeof setting === 'string') return setting;
  return isObject(setting) && typeof setting.content === 'string' ? setting.content : undefined;
}

/**
 * Validates tokenizer.json and fills in defaults.
 *
 * @throws TokenizerError `invalid-file`
 */
export function checkTokenizerFile(value: unknown, label: string): TokenizerFile {
  const fail = (message: string): never => {
    throw new TokenizerError({ code: 'invalid-file', message: `${label}: ${message}` });
  };
  if (!isObject(value)) return fail('the file is not a JSON object');
  const model = value['model'];
  if (!isObject(model)) return fail('it has no "model"; this is not a tokenizer.json');
  if (!isObject(model['vocab']) && !Array.isArray(model['vocab'])) return fail('its model has no "vocab"');
  for (const part of ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder']) {
    const component = value[part];
    if (
      component !== null &&
      component !== undefined &&
      (!isObject(component) || typeof component['type'] !== 'string')
    ) {
      return fail(`its "${part}" is not an object with a "type"`);
    }
  }
  const type = modelType(model);
  if (Array.isArray(model['vocab']) !== (type === 'Unigram'))
    return fail(`the "vocab" of the ${type} model is ${type === 'Unigram' ? 'not a list' : 'a list'}`);
  const added = value['added_tokens'] ?? [];
  if (!Array.isArray(added)) return fail('its "added_tokens" are not a list');
  return {
    ...value,
    added_tokens: added.map((token: unknown, index) => checkAddedToken(token, `${label}: added token ${index}`)),
    normalizer: (value['normalizer'] ?? null) as ComponentConfiguration | null,
    pre_tokenizer: (value['pre_tokenizer'] ?? null) as ComponentConfiguration | null,
    post_processor: (value['post_processor'] ?? null) as ComponentConfiguration | null,
    decoder: (value['decoder'] ?? null) as ComponentConfiguration | null,
    model: { ...model, type } as ModelConfiguration,
  };
}

/** Maximum id: no model has as many rows, and tables are sized by the highest id. */
const highestId = 2 ** 24 - 1;

/** Validates an id. @throws TokenizerError `invalid-file` */
export function checkId(id: unknown, label: string): number {
  if (!Number.isSafeInteger(id) || (id as number) < 0)
    throw new TokenizerError({ code: 'invalid-file', message: `${label} has the id ${JSON.stringify(id)}` });
  if ((id as number) > highestId)
    throw new TokenizerError({
      code: 'invalid-file',
      message: `${label} has the id ${JSON.stringify(id)}; the highest supported id is ${highestId}`,
    });
  return id as number;
}

/** Fills in an added token's missing fields, as in the reference. */
function checkAddedToken(token: unknown, label: string): AddedToken {
  if (!isObject(token) || typeof token['content'] !== 'string' || token['id'] === undefined || token['id'] === null) {
    throw new TokenizerError({ code: 'invalid-file', message: `${label} has no "content" or no "id"` });
  }
  const id = checkId(token['id'], label);
  for (const flag of ['single_word', 'lstrip', 'rstrip', 'normalized', 'special']) {
    if (Object.hasOwn(token, flag) && token[flag] !== null && typeof token[flag] !== 'boolean') {
      throw new TokenizerError({ code: 'invalid-file', message: `${label}: "${flag}" is not true or false` });
    }
  }
  const special = token['special'] === true;
  return {
    id,
    content: token['content'],
    single_word: token['single_word'] === true,
    lstrip: token['lstrip'] === true,
    rstrip: token['rstrip'] === true,
    normalized: typeof token['normalized'] === 'boolean' ? token['normalized'] : !special,
    special,
  };
}

/** Older files omit the model type. */
function modelType(model: Record<string, unknown>): string {
  if (typeof model['type'] === 'string') return model['type'];
  if (Array.isArray(model['vocab'])) return 'Unigram';
  if ('merges' in model) return 'BPE';
  return 'continuing_subword_prefix' in model ? 'WordPiece' : 'WordLevel';
}

/** Whether a value is an object but not an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
