import { z } from 'zod';

import { harmless, neutral, shown } from '../weights/read-config';

const tokenId = z.int().nonnegative();
/** Values that PEFT configs use to mean "unset". */
const nothing = z.union([z.strictObject({}), z.literal(''), z.literal(false)]);

/** A list or object that must be empty. */
const empty = (message: string) =>
  z
    .union([z.array(z.unknown()).max(0, message), z.strictObject({}), z.literal(''), z.literal(false)], {
      error: message,
    })
    .nullish();

/** Unset, or an empty list. */
const neutralOrEmpty = z
  .unknown()
  .refine(
    (value) =>
      value === undefined ||
      value === null ||
      value === false ||
      value === '' ||
      (typeof value === 'object' && Object.keys(value).length === 0),
    {
      error: ({ input }) => `${shown(input)} is not supported; leave it out, or set it to null`,
    },
  )
  .optional();

/** PEFT's default target modules (`peft/utils/constants.py`), by model_type. */
export const defaultTargets: Readonly<Record<string, string[]>> = {
  gpt2: ['c_attn'],
  ...Object.fromEntries(
    ['llama', 'qwen2', 'qwen3', 'mistral', 'gemma2', 'gemma3_text'].map((type) => [type, ['q_proj', 'v_proj']]),
  ),
};

/** Every key of PEFT's `LoraConfig` (`peft/tuners/lora/config.py`). */
export const adapterConfig = z.object({
  peft_type: z.literal('LORA'),
  r: z.int().positive().default(8),
  lora_alpha: z.number().default(8),
  lora_dropout: z.number().min(0).max(1).default(0),
  use_rslora: z.boolean().default(false),
  target_modules: z.union([z.string().min(1), z.array(z.string()).nonempty()]).nullish(),
  exclude_modules: z.union([z.string(), z.array(z.string())]).nullish(),
  rank_pattern: z.record(z.string(), z.int().positive()).nullish(),
  alpha_pattern: z.record(z.string(), z.number()).nullish(),
  // Provenance and initialisation.
  task_type: harmless,
  auto_mapping: harmless,
  base_model_name_or_path: harmless,
  revision: harmless,
  inference_mode: harmless,
  init_lora_weights: neutral(true, false, 'gaussian', 'orthogonal', 'eva'),
  loftq_config: harmless,
  eva_config: harmless,
  corda_config: harmless,
  lora_ga_config: harmless,
  peft_version: harmless,
  megatron_config: harmless,
  megatron_core: harmless,
  runtime_config: harmless,
  ensure_weight_tying: harmless,
  /** Layout of the base weight, which our layers already know. */
  fan_in_fan_out: harmless,
  qalora_group_size: harmless,
  /** From early PEFT versions: whether evaluation merges the adapter, which does not change results. */
  merge_weights: harmless,
  // Features that are not supported.
  bias: neutral('none'),
  lora_bias: neutral(false),
  use_dora: neutral(false),
  use_qalora: neutral(false),
  modules_to_save: z
    .union([z.array(z.string()), nothing], { error: 'modules trained in full are named in a list' })
    .nullish(),
  trainable_token_indices: z
    .union([z.array(tokenId), nothing, z.record(z.string(), z.array(tokenId))], {
      error: 'tokens are a list of ids, or a list for each table',
    })
    .nullish(),
  layers_to_transform: z
    .union([z.int().nonnegative(), z.array(z.int().nonnegative()), nothing], {
      error: 'layers are numbers, counted from 0',
    })
    .nullish(),
  layers_pattern: z.union([z.string(), z.array(z.string()), nothing]).nullish(),
  layer_replication: neutralOrEmpty,
  target_parameters: empty('adapters on bare parameters are not supported'),
  alora_invocation_tokens: neutralOrEmpty,
  arrow_config: neutralOrEmpty,
  use_bdlora: neutralOrEmpty,
  monteclora_config: neutralOrEmpty,
  velora_config: neutralOrEmpty,
  kasa_config: neutralOrEmpty,
  /** From early PEFT versions: which parts of a fused projection are adapted. */
  enable_lora: neutralOrEmpty,
});
