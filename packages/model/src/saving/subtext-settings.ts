import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelFolderError } from '@subtext/encoders';
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from './json-file';

const stage = z.strictObject({
  /** The stage's name, such as `caption`. */
  name: z.string(),
  /** The special tokens that stand for the stage's text, in order; none while the stage is still text. */
  thinkingTokens: z.array(z.string()),
});

const schema = z.strictObject({
  /** Of this file's format. */
  version: z.literal(1),
  /** How the model thinks: `heima`, `coconut`, `cot`, … */
  method: z.string(),
  /** Its stages, in the order in which they are thought. */
  stages: z.array(stage).default([]),
  /** Continuous thoughts before the answer. */
  continuousThoughts: z.int().min(0).default(0),
  /** The method's own options, as the trainer had them. */
  options: z.record(z.string(), z.unknown()).default({}),
});

/** What a model folder must say about thinking, beside what Hugging Face's files say: `subtext.json`. */
export type SubtextSettings = z.output<typeof schema>;

const fileName = 'subtext.json';

/** Reads a folder's subtext.json; null where there is none: a model that was not trained to think. */
export async function readSubtextSettings({ folder }: { folder: string }): Promise<SubtextSettings | null> {
  const path = join(folder, fileName);
  const value = await readJsonFile({ path });
  if (value === null) return null;
  const result = schema.safeParse(value);
  if (!result.success) throw new ModelFolderError({ code: 'invalid-config', path, message: z.prettifyError(result.error), cause: result.error });
  return result.data;
}

/** Writes a folder's subtext.json; the folder is made if need be. */
export async function writeSubtextSettings({ folder, settings }: { folder: string; settings: Omit<z.input<typeof schema>, 'version'> }): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeJsonFile({ path: join(folder, fileName), value: schema.parse({ version: 1, ...settings }) });
}
