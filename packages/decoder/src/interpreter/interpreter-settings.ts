import { describeIssues, parseJson } from '@subtext/core';
import { readTextFile } from '@subtext/core/node';
import { z } from 'zod';

import { DecoderError } from '../errors';
import type { ThoughtReading } from './explanation-batch';

/** What an interpreter's `subtext.json` holds, beside its Hugging Face folder. */
export interface InterpreterSettings {
  format: 1;
  kind: 'interpreter';
  name: string;
  /** Stages that it explains. */
  stages: string[];
  /** Set of prompt templates. */
  templates: string;
  withQuestion: boolean;
  /** Whether each thought of a stage tells a part of its text, and the parts together the whole. @default false */
  parts?: boolean;
  /** The token that holds a thought's place in the prompt. */
  slotToken: string;
  prefix: string[];
  endToken: string;
  reading: ThoughtReading;
  projector: { kind: 'linear' | 'mlp'; inputWidth: number };
  /** Longest explanation seen while training, in tokens. */
  longestExplanation: number;
  /** How it was trained: with the reasoner, so that thoughts were made readable, or after it. */
  mode: 'joint' | 'after';
}

/** The widest states that a projector is made for; no model's are wider. */
const MOST_WIDTH = 2 ** 16;
/** The longest explanation, in tokens; a model's context is far smaller. */
const MOST_TOKENS = 2 ** 20;
/** The largest `subtext.json`, in bytes. */
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

/** Reads an interpreter's `subtext.json` by its schema. Throws `not-an-interpreter`, which names what is wrong. */
export async function readInterpreterSettings({
  path,
  folder,
}: {
  path: string;
  /** The folder it belongs to, for errors. */ folder: string;
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
