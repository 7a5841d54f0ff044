import { z } from 'zod';

import type { RotaryScaling } from '../blocks/rotary-embedding';
import { ModelFolderError } from './model-folder-error';
import { neutral, positiveInteger, shown } from './read-config';

/** Fraction of each head's dimensions that is rotated. */
const share = z.number().positive().max(1).nullish();

/** Rejects unknown keys by name; `null` counts as unset. */
const known = z.strictObject({
  rope_theta: z.number().positive().nullish(),
  rope_type: z.string().nullish(),
  /** The older spelling of `rope_type`. */
  type: z.string().nullish(),
  factor: z.number().positive().nullish(),
  original_max_position_embeddings: positiveInteger.nullish(),
  low_freq_factor: z.number().positive().nullish(),
  high_freq_factor: z.number().positive().nullish(),
  attention_factor: z.number().positive().nullish(),
  beta_fast: z.number().positive().nullish(),
  beta_slow: z.number().positive().nullish(),
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  truncate: z.boolean().nullish(),
  short_factor: z.array(z.number().positive()).nullish(),
  long_factor: z.array(z.number().positive()).nullish(),
  partial_rotary_factor: share,
});

/** Values that are unset or off are dropped. */
const parameters = z
  .preprocess(
    (value) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(
            Object.entries(value).filter(
              ([key, entry]) => Object.hasOwn(known.shape, key) || (entry !== null && entry !== false),
            ),
          )
        : value,
    known.nullish(),
  )
  .optional();

/** The keys of rotary embeddings, in both spellings: `rope_theta` with `rope_scaling`, and `rope_parameters`. */
export const rotaryConfigKeys = {
  rope_theta: z.number().positive().nullish(),
  rope_scaling: parameters,
  rope_parameters: parameters,
  partial_rotary_factor: share,
  rope_interleaved: neutral(false),
  /** Positions before scaling; some configs have it here, which takes precedence. */
  original_max_position_embeddings: positiveInteger.nullish(),
  max_position_embeddings: positiveInteger,
} as const;

/** Settings of one rotary embedding, as in `rope_parameters`; models with several have one per layer type. */
export const rotaryParameters = parameters;

type RotaryConfig = z.output<z.ZodObject<typeof rotaryConfigKeys>>;

/** Reads a model's rotary embedding from either spelling; throws for unsupported types. */
export function readRotaryConfig({
  config,
  path,
  defaultTheta = 10_000,
  partial = false,
}: {
  config: RotaryConfig;
  /** The folder, for errors. */ path: string;
  /** Default 10000. */ defaultTheta?: number;
  /** Whether the family supports rotating part of each head. Default false. */ partial?: boolean;
}): {
  theta: number;
  scaling: RotaryScaling;
  /** Fraction of each head's dimensions that is rotated: 1 for all. */
  share: number;
  /** Maximum positions: `linear` and `dynamic` scale `max_position_embeddings`; for the others it is already scaled. */
  maxPositions: number;
} {
  // Same precedence as transformers' `convert_rope_params_to_dict`.
  const settings = config.rope_scaling ?? config.rope_parameters ?? {};
  const theta = settings.rope_theta ?? config.rope_theta ?? defaultTheta;
  const type = settings.rope_type ?? settings.type ?? 'default';
  const share = settings.partial_rotary_factor ?? config.partial_rotary_factor ?? 1;
  if (share !== 1 && !partial)
    throw new ModelFolderError({
      code: 'unsupported-config',
      path,
      message: `partial_rotary_factor ${share} is not supported for this model_type; only 1 is.`,
    });
  const need = <Key extends keyof typeof settings>(key: Key) => {
    const value = settings[key];
    if (value === null || value === undefined)
      throw new ModelFolderError({ code: 'invalid-config', path, message: `rope_type "${type}" needs "${key}".` });
    return value as NonNullable<(typeof settings)[Key]>;
  };
  const originalPositions =
    config.original_max_position_embeddings ??
    settings.original_max_position_embeddings ??
    config.max_position_embeddings;
  const maxPositions = config.max_position_embeddings;
  switch (type) {
    case 'default':
      return { theta, share, maxPositions, scaling: { type } };
    case 'linear':
      return {
        theta,
        share,
        maxPositions: Math.floor(maxPositions * need('factor')),
        scaling: { type, factor: need('factor') },
      };
    case 'dynamic':
      return {
        theta,
        share,
        maxPositions: Math.floor(maxPositions * need('factor')),
        scaling: { type, factor: need('factor'), originalPositions: maxPositions },
      };
    case 'llama3':
      return {
        theta,
        share,
        maxPositions,
        scaling: {
          type,
          factor: need('factor'),
          lowFrequencyFactor: need('low_freq_factor'),
          highFrequencyFactor: need('high_freq_factor'),
          originalPositions,
        },
      };
    case 'yarn':
      return {
        theta,
        share,
        maxPositions,
        scaling: {
          type,
          factor: settings.factor ?? config.max_position_embeddings / originalPositions,
          originalPositions,
          attentionFactor: settings.attention_factor ?? undefined,
          betaFast: settings.beta_fast ?? undefined,
          betaSlow: settings.beta_slow ?? undefined,
          mscale: settings.mscale ?? undefined,
          mscaleAllDimensions: settings.mscale_all_dim ?? undefined,
          truncate: settings.truncate ?? undefined,
        },
      };
    case 'longrope': {
      const factor = settings.factor ?? maxPositions / originalPositions;
      return {
        theta,
        share,
        maxPositions,
        scaling: {
          type,
          shortFactors: need('short_factor'),
          longFactors: need('long_factor'),
          originalPositions,
          // arXiv 2402.13753, section 3.3
          attentionFactor:
            settings.attention_factor ??
            (factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalPositions))),
        },
      };
    }
    default:
      throw new ModelFolderError({
        code: 'unsupported-config',
        path,
        message: `the rope_type ${shown(type)} is not supported; these are: default, linear, dynamic, llama3, yarn, longrope.`,
      });
  }
}
