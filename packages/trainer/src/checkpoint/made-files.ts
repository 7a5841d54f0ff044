import { lstat, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

import { isLockFile } from './run-lock';
import { isOwnModelCard, modelCardFile } from '../card/model-card';

/** Files that a run makes in its folder. */
export const runFiles = [
  'run.json',
  'configuration.json',
  'data.json',
  'log.jsonl',
  'finished.json',
  'evaluation.json',
  'wandb.json',
] as const;

/** Folders that a run makes in its folder. */
export const runFolders = [
  'checkpoints',
  'bad-steps',
  'initial',
  'reasoner',
  'interpreters',
  'blind-interpreters',
  'tensorboard',
] as const;

/** What Hugging Face folders of models, tokenizers, processors and adapters hold, as they are saved here. */
const modelFile =
  /^(?:config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|preprocessor_config|processor_config|subtext|adapter_config|chat_template)\.json$|^(?:model|adapter_model|projector)(?:-\d{5}-of-\d{5})?\.safetensors(?:\.index\.json)?$|^merges\.txt$|^chat_template\.jinja$/;

/** What a checkpoint holds. */
export const checkpointFile =
  /^(?:weights|first-moments|second-moments)\.safetensors$|^(?:position|manifest)\.json$|^\..*\.temporary$/;

/** The folder of a checkpoint, whole or on its way. */
const checkpointFolder = /^step-\d{8,}(?:\.(?:tmp|gone|broken))?$/;

/**
 * Removes from a folder the files whose names say that a run made them, those in folders below too, model cards that were
 * written with the model, then what is left empty. Everything else stays, links are not followed.
 */
export async function removeMade({
  folder,
  file,
  below,
}: {
  folder: string;
  /** Names of files that are removed. */ file: RegExp;
  /** Folders below that are looked into. */ below?: RegExp;
}): Promise<void> {
  const status = await lstat(folder).catch(() => undefined);
  if (!status?.isDirectory()) return;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && below?.test(entry.name)) await removeMade({ folder: path, file, below });
    else if (
      entry.isFile() &&
      (file.test(entry.name) || (entry.name === modelCardFile && (await isOwnModelCard(path))))
    )
      await rm(path, { force: true });
  }
  await rmdir(folder).catch(() => undefined);
}

/** Removes one checkpoint: the files that it is made of, then its folder, unless something else stands in it. */
async function removeCheckpoint(path: string): Promise<void> {
  await removeMade({ folder: path, file: checkpointFile });
}

/** Removes every checkpoint of a run, and their folder if nothing else stands in it. */
export async function removeCheckpoints(folder: string): Promise<void> {
  const status = await lstat(folder).catch(() => undefined);
  if (!status?.isDirectory()) return;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory() && checkpointFolder.test(entry.name)) await removeCheckpoint(join(folder, entry.name));
  }
  await rmdir(folder).catch(() => undefined);
}

/**
 * Removes the mark by which a folder is a run's, and the folder. Where something else stands in it, it stays the run's: a
 * folder with foreign files and no mark would be refused the next time.
 */
export async function removeMark(folder: string): Promise<void> {
  const others = (await readdir(folder)).filter((name) => name !== 'run.json' && !isLockFile(name));
  if (others.length > 0) return;
  await rm(join(folder, 'run.json'), { force: true });
  await rmdir(folder).catch(() => undefined);
}

/** Removes what an earlier run made in its folder. Its being finished goes first: what is left is never taken for whole. */
export async function removeRun(folder: string): Promise<void> {
  await rm(join(folder, 'finished.json'), { force: true });
  await removeCheckpoints(join(folder, 'checkpoints'));
  for (const name of ['reasoner', 'initial'])
    await removeMade({ folder: join(folder, name), file: modelFile, below: /./ });
  await removeMade({ folder: join(folder, 'bad-steps'), file: /^step-\d{8,}\.json$/ });
  await removeMade({ folder: join(folder, 'tensorboard'), file: /^events\.out\.tfevents\./ });
  // Interpreters that are trained after the reasoner are a run within this one.
  for (const part of ['interpreters', 'blind-interpreters']) {
    const within = join(folder, part);
    if (!(await lstat(within).catch(() => undefined))?.isDirectory()) continue;
    await removeRun(within);
    await removeMark(within);
  }
  for (const name of runFiles) if (name !== 'run.json') await rm(join(folder, name), { force: true });
}
