import { join } from 'node:path';
import { describeIssue, ownValue, printable } from '@subtext/core';
import { z } from 'zod';

import { huggingFaceActivations } from '../blocks/activation-names';
import { ModelFolderError } from './model-folder-error';
import { readJsonObject } from './read-json-object';

/** A parsed config.json, unchecked. */
export type RawConfig = Record<string, unknown>;

/** A key that does not affect results: any value is accepted. */
export const harmless = z.unknown().optional();

/** An unsupported key: accepted only with a value (or one of several) that leaves the architecture unchanged. */
export function neutral(...values: readonly (string | number | boolean | null)[]) {
  return z
    .unknown()
    .refine((value) => value === undefined || value === null || values.some((allowed) => allowed === value), {
      error: ({ input }) =>
        `${shown(input)} is not supported; ${values.length === 0 ? 'leave it out, or set it to null' : `only ${values.map((value) => JSON.stringify(value)).join(' or ')} is`}`,
    })
    .optional();
}

/** Formats a value for an error message, on one line and shortened. */
export function shown(value: unknown): string {
  const text = value === undefined ? 'undefined' : printable(JSON.stringify(value));
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

/** A dimension: on every engine at most 2³¹ − 1. */
export const positiveInteger = z
  .int()
  .positive()
  .max(2 ** 31 - 1);
/** Layer count. The limit is several times the deepest existing model, so that a corrupt file cannot exhaust memory. */
export const layerCount = z.int().positive().max(10_000);
/** A boolean; null means off, as in transformers, and `absent` is the default. */
export const flag = (absent: boolean) =>
  z
    .boolean()
    .nullable()
    .default(absent)
    .transform((value) => value ?? false);

/** A dropout rate: accepted but ignored, because Subtext runs and trains with these dropouts off. */
export const dropoutRate = z.number().min(0).max(1).nullable().optional();

/** A Hugging Face activation name, mapped to ours. */
export const activationName = z.string().transform((name, context) => {
  const activation = ownValue(huggingFaceActivations, name);
  if (activation === undefined) {
    context.addIssue({
      code: 'custom',
      message: `the activation ${shown(name)} is not supported; these are: ${Object.keys(huggingFaceActivations).join(', ')}`,
    });
    return z.NEVER;
  }
  return activation;
});

/** Whether a value is unset, off, zero or empty. */
function isOff(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === false ||
    value === 0 ||
    value === '' ||
    (typeof value === 'object' && Object.keys(value).length === 0)
  );
}

/** Quantization settings: the numbers in the file are then not the weights. */
const unquantised = z
  .unknown()
  .refine(isOff, {
    error: ({ input }) =>
      `${shown(input)}: quantised weights are not supported. Take the model that they were made from, in 16 or 32 bits`,
  })
  .optional();

/** Keys that any Hugging Face config may have and that do not change a forward pass. */
export const commonConfigKeys = {
  _attn_implementation_autoset: harmless,
  _commit_hash: harmless,
  _name_or_path: harmless,
  architectures: harmless,
  auto_map: harmless,
  bos_token_id: harmless,
  dtype: harmless,
  eos_token_id: harmless,
  pad_token_id: harmless,
  sep_token_id: harmless,
  decoder_start_token_id: harmless,
  id2label: harmless,
  label2id: harmless,
  problem_type: harmless,
  return_dict: harmless,
  output_attentions: harmless,
  output_hidden_states: harmless,
  task_specific_params: harmless,
  tokenizer_class: harmless,
  torch_dtype: harmless,
  torchscript: harmless,
  transformers_version: harmless,
  transformers_weights: harmless,
  use_cache: harmless,
  gradient_checkpointing: harmless,
  prefix: harmless,
  finetuning_task: harmless,
  use_return_dict: harmless,
  attn_implementation: harmless,
  // Generation settings, found in old configs.
  bad_words_ids: harmless,
  begin_suppress_tokens: harmless,
  diversity_penalty: harmless,
  do_sample: harmless,
  early_stopping: harmless,
  encoder_no_repeat_ngram_size: harmless,
  exponential_decay_length_penalty: harmless,
  forced_bos_token_id: harmless,
  forced_eos_token_id: harmless,
  length_penalty: harmless,
  max_length: harmless,
  min_length: harmless,
  no_repeat_ngram_size: harmless,
  num_beam_groups: harmless,
  num_beams: harmless,
  num_return_sequences: harmless,
  output_scores: harmless,
  remove_invalid_values: harmless,
  repetition_penalty: harmless,
  return_dict_in_generate: harmless,
  suppress_tokens: harmless,
  temperature: harmless,
  top_k: harmless,
  top_p: harmless,
  typical_p: harmless,
  tf_legacy_loss: harmless,
  use_bfloat16: harmless,
  // Architecture settings that would change results.
  chunk_size_feed_forward: neutral(0),
  cross_attention_hidden_size: neutral(),
  add_cross_attention: neutral(false),
  is_decoder: harmless,
  is_encoder_decoder: neutral(false),
  tie_encoder_decoder: neutral(false),
  quantization_config: unquantised,
  /** The name used by MLX and llm-compressor. */
  quantization: unquantised,
  compression_config: unquantised,
  /** Old configs have an empty object. */
  pruned_heads: z.strictObject({}).nullish(),
  xla_device: harmless,
  output_past: harmless,
  'transformers.js_config': harmless,
} as const;

/** Reads a folder's config.json and checks that it has a `model_type`. */
export async function readConfig({ folder }: { folder: string }): Promise<RawConfig & { model_type: string }> {
  const path = join(folder, 'config.json');
  const value = await readJsonObject({ path });
  if (value === null)
    throw new ModelFolderError({
      code: 'not-found',
      path,
      message: 'cannot be read. A model folder holds config.json and model.safetensors.',
    });
  if (typeof value.model_type !== 'string') {
    throw new ModelFolderError({
      code: 'invalid-config',
      path,
      message: 'has no "model_type", which says the architecture.',
    });
  }
  return value as RawConfig & { model_type: string };
}

/**
 * Names of settings, from other architectures or from custom model code, that change the computation. If one is on, the
 * weights were trained with it, and ignoring it would give a different model.
 */
const changesNumbers =
  /soft_?cap|^window|window_size|grid_pinpoints|query_pre_attn|attn_scale|attention_scale|qk_?(layer_?)?norm|qkv?_clip|clip_qkv|alibi|multiplier|logits?_scal|residual_scal|scale_(emb|depth|attn|embed)|embedding_scale|expert|moe|mup|parallel_(residual|attn|attention|block)|mrope|rotary_(pct|dim|emb_base|percent)|ntk|quanti[sz]|resampler|cross_attention|prefix_|num_nextn|sparse_attention|linear_attention|early_exit/i;

/** Keys ignored by `parseConfig` inside `collectNotes`. */
let noted: Set<string> | null = null;

/**
 * Runs `compute`, which reads configs synchronously, and returns the notes for the user with it, without duplicates.
 */
export function collectNotes<Result>(compute: () => Result): { result: Result; notes: string[] } {
  const outer = noted;
  const own = new Set<string>();
  noted = own;
  try {
    return { result: compute(), notes: [...own] };
  } finally {
    noted = outer;
  }
}

/** Adds a note for {@link collectNotes}. */
function addNote(note: string): void {
  noted?.add(note);
}

/** The value at a path in a parsed file. */
function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key)
        ? (inner as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  );
}

/**
 * Validates a config against a family's schema and returns its values. Keys in the schema are supported, harmless, or
 * accepted only with a neutral value. Other keys are ones that transformers does not read for this family either; they
 * are ignored with a note, unless their name suggests that the weights were trained with something that we do not
 * compute. Null means unset, as in Hugging Face configs. All errors are reported at once.
 */
export function parseConfig<Schema extends z.ZodObject>({
  schema,
  config,
  path,
  at = '',
  subject = 'model',
}: {
  schema: Schema;
  config: RawConfig;
  /** The file or folder, for error messages. */
  path: string;
  /** Location in the file, such as `text_config`. Default: the top level. */
  at?: string;
  /**
   * Whether the file describes a model or an adapter. Unknown keys of an adapter are rejected unless they are off.
   * Default `model`.
   */
  subject?: 'model' | 'adapter';
}): z.output<Schema> {
  const place = at === '' ? [] : [at];
  const set: RawConfig = {};
  for (const [key, value] of Object.entries(config)) {
    if (Object.hasOwn(schema.shape, key)) set[key] = value;
    else if (isOff(value)) continue;
    else if (subject === 'adapter' || changesNumbers.test(key))
      Object.defineProperty(set, key, { value, enumerable: true });
    else
      addNote(
        `${[...place, printable(key)].join('.')}: ${shown(value)} is read by nothing for this model_type, in transformers neither, and changes nothing`,
      );
  }
  const result = z.strictObject(schema.shape).safeParse(set);
  if (result.success) return result.data as z.output<Schema>;
  const kind = subject === 'adapter' ? 'of LoRA adapters' : 'for this model_type';
  const faults = result.error.issues.flatMap((issue) => {
    const where = [...place, ...issue.path.map(String)];
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map(
        (key) =>
          `${[...where, printable(key)].join('.')}: ${shown(valueAt(set, [...issue.path, key]))} is not a setting that Subtext knows ${kind}`,
      );
    return [describeIssue({ path: where, message: issue.message })];
  });
  throw new ModelFolderError({
    code: 'unsupported-config',
    path,
    message: `this configuration cannot be honoured:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
  });
}
