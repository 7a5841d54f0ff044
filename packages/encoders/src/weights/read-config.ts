import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { huggingFaceActivations } from '../blocks/activation-names';
import { ModelFolderError } from './model-folder-error';

/** A folder's config.json as it stands. */
export type RawConfig = Record<string, unknown>;

/** A key that changes nothing in the numbers: accepted with any value. */
export const harmless = z.unknown().optional();

/** A key that we do not honour: accepted only with a value (or one of several) that leaves the architecture as it is. */
export function neutral(...values: readonly (string | number | boolean | null)[]) {
  return z
    .unknown()
    .refine((value) => value === undefined || value === null || values.some((allowed) => allowed === value), {
      error: ({ input }) => `${JSON.stringify(input)} is not supported; only ${values.map((value) => JSON.stringify(value)).join(' or ')} is`,
    })
    .optional();
}

export const positiveInteger = z.int().positive();
/** A dropout rate: accepted and not applied, because Subtext runs and trains with these dropouts off. */
export const dropoutRate = z.number().min(0).max(1).nullable().optional();

/** An activation by its Hugging Face name, turned into ours. */
export const activationName = z.string().transform((name, context) => {
  const activation = huggingFaceActivations[name];
  if (activation === undefined) {
    context.addIssue({ code: 'custom', message: `the activation ${JSON.stringify(name)} is not supported; these are: ${Object.keys(huggingFaceActivations).join(', ')}` });
    return z.NEVER;
  }
  return activation;
});

/** Keys that any Hugging Face config may hold and that do not change a forward pass. */
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
  // Settings of generation, which old configs carry.
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
  // Structure that would change the numbers.
  chunk_size_feed_forward: neutral(0),
  cross_attention_hidden_size: neutral(),
  add_cross_attention: neutral(false),
  is_decoder: harmless,
  is_encoder_decoder: neutral(false),
  tie_encoder_decoder: neutral(false),
  quantization_config: neutral(),
  /** Old configs write an empty object. */
  pruned_heads: z.strictObject({}).nullish(),
  xla_device: harmless,
  output_past: harmless,
  'transformers.js_config': harmless,
} as const;

/** Reads a folder's config.json; says which model it is for. */
export async function readConfig({ folder }: { folder: string }): Promise<RawConfig & { model_type: string }> {
  const path = join(folder, 'config.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new ModelFolderError({ code: 'missing-file', path, message: 'cannot be read. A model folder holds config.json and model.safetensors.', cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ModelFolderError({ code: 'invalid-config', path, message: `is not valid JSON: ${(cause as Error).message}`, cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ModelFolderError({ code: 'invalid-config', path, message: 'is not a JSON object.' });
  }
  if (typeof (value as RawConfig).model_type !== 'string') {
    throw new ModelFolderError({ code: 'invalid-config', path, message: 'has no "model_type", which says the architecture.' });
  }
  return value as RawConfig & { model_type: string };
}

/**
 * Checks a config against a family's table and gives its values. Every key must be in the table: honoured, harmless, or
 * neutral. A key that the table lacks is refused by name unless its value is null, Hugging Face's way to say unset.
 * All faults are reported at once.
 */
export function parseConfig<Schema extends z.ZodObject>({ schema, config, path, at = '' }: {
  schema: Schema;
  config: RawConfig;
  /** The file or folder, for errors. */
  path: string;
  /** Where in the file, such as `text_config`. Default the top. */
  at?: string;
}): z.output<Schema> {
  const set = Object.fromEntries(Object.entries(config).filter(([key, value]) => value !== null || key in schema.shape));
  const result = z.strictObject(schema.shape).safeParse(set);
  if (result.success) return result.data as z.output<Schema>;
  const faults = result.error.issues.flatMap((issue) => {
    const where = [...(at === '' ? [] : [at]), ...issue.path.map(String)];
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `${[...where, key].join('.')}: ${JSON.stringify(set[key])} is not a setting that Subtext knows for this model_type`);
    return [`${where.join('.')}: ${issue.message}`];
  });
  throw new ModelFolderError({
    code: 'unsupported-config',
    path,
    message: `this configuration cannot be honoured:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
  });
}
