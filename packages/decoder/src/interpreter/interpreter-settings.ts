import { describeIssues, parseJson } from '@subtext/core';
import { readTextFile } from '@subtext/core/node';
import { z } from 'zod';

import { DecoderError } from '../errors';
import type { ThoughtReading } from './explanation-batch';

/** The contents of an interpreter's `subtext.json`, stored beside its Hugging Face folder. */
export interface InterpreterSettings {
  format: 1;
  kind: 'interpreter';
  name: string;
  /** Stages that it decodes. */
  stages: string[];
  /** Name of the prompt template set. */
  templates: string;
  withQuestion: boolean;
  /**
   * Whether each thought of a stage decodes to a part of its text, and the parts together to the whole. @default false
   */
  parts?: boolean;
  /** Placeholder token for a thought in the prompt. */
  slotToken: string;
  prefix: string[];
  endToken: string;
  reading: ThoughtReading;
  projector: { kind: 'linear' | 'mlp'; inputWidth: number };
  /** Longest explanation in training, in tokens. */
  longestExplanation: number;
  /** `joint`: trained together with the reasoner, so that thoughts become readable; `after`: trained afterwards. */
  mode: 'joint' | 'after';
}

/** Maximum width of states; no model's are wider. */
const MOST_WIDTH = 2 ** 16;
/** Maximum explanation length in tokens; a model's context is far smaller. */
const MOST_TOKENS = 2 ** 20;
/** Maximum size of `subtext.json`, in bytes. */
const MOST_BYTES = 2 ** 20;

const name = z.string().min(1).max(1_000);
const interpreterSettings = z.looseObject({
  format: z.literal(1),
  kind: z.literal('interpreter'),
  name,
  stages: z.array(name).max(1_000),
  templates: name,
  withQuestion: z.boolean(),
  parts: z.boolean().optional(),
  slotToken: name,
  prefix: z.array(name).max(1_000),
  endToken: name,
  reading: z.enum(['before', 'at']),
  projector: z.object({ kind: z.enum(['linear', 'mlp']), inputWidth: z.number().int().min(1).max(MOST_WIDTH) }),
  longestExplanation: z.number().int().min(0).max(MOST_TOKENS),
  mode: z.enum(['joint', 'after']),
});

/** Reads and validates an interpreter's `subtext.json`. Throws `not-an-interpreter`, naming what is wrong. */
export async function readInterpreterSettings({
  path,
  folder,
}: {
  path: string;
  /** Its folder, for error messages. */ folder: string;
}): Promise<InterpreterSettings> {
  let value: unknown;
  try {
    value = parseJson({ text: await readTextFile({ path, maximumBytes: MOST_BYTES }), name: path });
  } catch (cause) {
    throw new DecoderError({
      code: 'not-an-interpreter',
      message: `${folder} is not an interpreter's folder: ${(cause as Error).message}.`,
      cause,
    });
  }
  const result = interpreterSettings.safeParse(value);
  if (result.success) return result.data;
  throw new DecoderError({
    code: 'not-an-interpreter',
    message: `${path} does not describe an interpreter: ${describeIssues(result.error)}.`,
  });
}
