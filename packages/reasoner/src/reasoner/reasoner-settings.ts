import { describeIssues, parseJson } from '@subtext/core';
import { FileError, readTextFile } from '@subtext/core/node';
import { z } from 'zod';

import { ReasonerError } from '../errors';
import type { FeedbackSettings } from '../feedback/feedback-map';
import { MOST_THOUGHTS } from '../methods/option-schemas';
import { type VisibilityTable, visibilityTable } from '../visibility/visibility-table';
import { isMethod, type MethodSpecification, registeredSchema } from '../methods/registry';

/** What a folder's `subtext.json` holds: everything about thinking that a Hugging Face folder has no place for. */
export interface ReasonerSettings {
  /** Version of this layout: 2 where there is a `visibility`, which a reader of format 1 would not keep. */
  format: 1 | 2;
  method: MethodSpecification;
  /** Names of the stages before the answer, in order. */
  stages: string[];
  /** Stages that are hidden in thoughts, after the phases trained so far. */
  hiddenStages: string[];
  /** Name of the reasoning format. */
  reasoningFormat: string;
  /** Tokens before everything else. */
  prefix: string[];
  /** The token that ends a response. */
  endToken: string;
  /** How pictures enter the prompt; absent for text models. */
  image?: { token: string; tokens: number; position: 'before' | 'after' };
  /** Where a thought's state is read: the state that predicts the thinking token (`before`), or the one at it (`at`). */
  thoughtReading: 'before' | 'at';
  /** What a state goes through before it is fed back as a continuous thought. @default nothing */
  feedback?: FeedbackSettings;
  /** Which positions attend to which, while training and in answering alike. Absent: causal, each position to all before it, as published. */
  visibility?: VisibilityTable;
  /** Longest response seen while training, in tokens: what generation allows by default, with some room. */
  longestResponse: number;
}

/** The most tokens that a picture or a response may be said to take; a model's context is far smaller. */
const MOST_TOKENS = 2 ** 20;
/** The largest `subtext.json`, in bytes. */
const MOST_BYTES = 2 ** 20;

const thoughts = z.number().int().min(1).max(MOST_THOUGHTS);
const name = z.string().min(1).max(1_000);
const names = z.array(name).max(1_000);

const thinkingTokens = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('fixed'), count: thoughts }),
  z.object({ kind: z.literal('ratio'), ratio: z.number().gt(0).max(1), maximum: thoughts }),
  z.object({ kind: z.literal('stages'), counts: z.record(z.string(), thoughts) }),
]);

/** Options that several methods share; each method checks its own further when it is made. */
const ownMethod = z.looseObject({
  thinkingTokens: thinkingTokens.optional(),
  hidingOrder: names.optional(),
  progressive: z.boolean().optional(),
  recovering: z.boolean().optional(),
  textPhase: z.boolean().optional(),
  tokensPerPhase: thoughts.optional(),
  maximumTokens: thoughts.optional(),
  smoothing: z.number().positive().optional(),
  count: thoughts.optional(),
  hiddenSteps: thoughts.optional(),
  thoughtsPerStep: thoughts.optional(),
  thoughts: z.enum(['continuous', 'pause', 'multi-pass-pause', 'mixture', 'none', 'text']).optional(),
  uniformProbability: z.number().min(0).max(1).optional(),
  thoughtCost: z.number().min(0).optional(),
  distance: z.enum(['smooth-l1', 'l1']).optional(),
  distillationWeight: z.number().min(0).optional(),
  keyValueDistance: z.enum(['smooth-l1', 'l1', 'mse']).optional(),
  keyValueWeight: z.number().min(0).optional(),
  importance: z.number().min(0).max(1).optional(),
  recurrences: thoughts.optional(),
  growing: z.boolean().optional(),
  sampled: z.boolean().optional(),
  gradientSteps: thoughts.optional(),
  supervision: z.enum(['every', 'last']).optional(),
  haltingWeight: z.number().min(0).optional(),
  states: z.enum(['every', 'last']).optional(),
  repeatLast: z.boolean().optional(),
  softTargetWeight: z.number().min(0).optional(),
  factors: z.array(thoughts).max(MOST_THOUGHTS).optional(),
  factor: thoughts.optional(),
  latentLoss: z.enum(['mse', 'nll']).optional(),
  latentWeight: z.number().min(0).optional(),
  form: z.enum(['edges', 'tokens']).optional(),
});

const methodSpecification = z
  .looseObject({
    name: z
      .string()
      .refine(isMethod, 'is no method that is known here; where a module registers it, include that module'),
  })
  .superRefine((method, context) => {
    const { error } = (registeredSchema(method.name) ?? ownMethod).safeParse(method);
    for (const { path, message } of error?.issues ?? []) context.addIssue({ code: 'custom', path, message });
  });

const reasonerSettings = z.looseObject({
  format: z.union([z.literal(1), z.literal(2)]),
  method: methodSpecification,
  stages: names,
  hiddenStages: names,
  reasoningFormat: name,
  prefix: names,
  endToken: name,
  image: z
    .object({ token: name, tokens: z.number().int().min(1).max(MOST_TOKENS), position: z.enum(['before', 'after']) })
    .optional(),
  thoughtReading: z.enum(['before', 'at']),
  feedback: z.object({ kind: z.enum(['projection', 'matrix', 'latent-head']) }).optional(),
  visibility: visibilityTable.optional(),
  longestResponse: z.number().int().min(0).max(MOST_TOKENS),
});

/** Reads `subtext.json` by its schema. Throws `not-a-reasoner`, which names what is wrong. */
export async function readReasonerSettings({
  path,
  folder,
}: {
  path: string;
  /** The folder it belongs to, for errors. */ folder: string;
}): Promise<ReasonerSettings> {
  let value: unknown;
  try {
    value = parseJson({ text: await readTextFile({ path, maximumBytes: MOST_BYTES }), name: path });
  } catch (cause) {
    const missing = FileError.isInstance(cause) && cause.code === 'not-found';
    throw new ReasonerError({
      code: 'not-a-reasoner',
      message: missing
        ? `${folder} is not a reasoner's folder: ${path} is missing. Train one with "subtext train", or run "npm start" for an example.`
        : `${folder} is not a reasoner's folder: ${(cause as Error).message}.`,
      cause,
    });
  }
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (typeof format === 'number' && format !== 1 && format !== 2)
    throw new ReasonerError({
      code: 'not-a-reasoner',
      message: `${path} has format ${format}; this version reads the formats 1 and 2.`,
    });
  const result = reasonerSettings.safeParse(value);
  if (result.success && (result.data.visibility === undefined || format === 2))
    return result.data as unknown as ReasonerSettings;
  if (result.success)
    throw new ReasonerError({
      code: 'not-a-reasoner',
      message: `${path} has a visibility table, which format 1 does not have. Write "format": 2.`,
    });
  throw new ReasonerError({
    code: 'not-a-reasoner',
    message: `${path} does not describe a reasoner: ${describeIssues(result.error)}.`,
  });
}
