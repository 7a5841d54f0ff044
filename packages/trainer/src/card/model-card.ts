import { readTextFile } from '@subtext/core/node';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';

import { writeAtomically } from '../checkpoint/atomic-files';

/** What the Hugging Face Hub calls a model card. */
export const modelCardFile = 'README.md';

/** Stands in cards that were written here: they are replaced and removed with their model. A card without it is its user's. */
const mark =
  '<!-- Written by Subtext with the model, and again when the model is trained again. Take this line out to keep the card as you have it. -->';

/** The largest card that is looked into, in bytes. */
const MOST_BYTES = 2 ** 20;

/** Whether a folder's `README.md` was written here and left so. */
export async function isOwnModelCard(path: string): Promise<boolean> {
  try {
    return (await readTextFile({ path, maximumBytes: MOST_BYTES })).includes(mark);
  } catch {
    return false;
  }
}

/**
 * Writes a model card into a saved model's folder, unless there is one that is its user's.
 *
 * @returns whether it was written
 */
export async function writeModelCard({
  folder,
  frontMatter,
  text,
}: {
  /** The model's. */
  folder: string;
  /** YAML between the card's first lines, without the `---`. */
  frontMatter: string;
  /** Markdown. */
  text: string;
}): Promise<boolean> {
  const path = join(folder, modelCardFile);
  const there = await lstat(path).catch(() => undefined);
  if (there !== undefined && !(await isOwnModelCard(path))) return false;
  await writeAtomically({ path, data: `---\n${frontMatter.trim()}\n---\n\n${mark}\n\n${text.trim()}\n` });
  return true;
}
