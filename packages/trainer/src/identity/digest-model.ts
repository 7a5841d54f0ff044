import { parseJson } from '@subtext/core';
import { FileError, readTextFile } from '@subtext/core/node';
import { resolveModelFolder } from '@subtext/hub';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { TrainerError } from '../errors';
import { gibibytes } from '../loop/estimate-memory';
import { machineMemory } from '../run/machine';
import { digestFile } from './digest';

/** What a model's folder is read from: weights, configuration, tokenizer, template, picture processor, adapter. */
const modelFiles = /\.(?:safetensors|json|txt|model|jinja)$/;

/**
 * The digests of the files that a model is loaded from, by name; those of the model that an adapter stands on too.
 *
 * @throws TrainerError `does-not-fit` where the files are larger than the machine's memory; FileError
 */
export async function digestModel({
  model,
  signal,
}: {
  /** A folder, or an id on the hub. */ model: string;
  signal?: AbortSignal;
}): Promise<[string, string][]> {
  const folder = await resolveModelFolder({ folder: model, signal });
  const own = await digestFolder({ folder, model, signal });
  const base = await baseOf(join(folder, 'adapter_config.json'));
  if (base === undefined) return own;
  const beneath = await resolveModelFolder({ folder: base, signal }).catch(() => undefined);
  if (beneath === undefined || beneath === folder) return own;
  const further = await digestFolder({ folder: beneath, model: base, signal });
  return [...own, ...further.map(([name, digest]): [string, string] => [`base model/${name}`, digest])];
}

async function digestFolder({
  folder,
  model,
  signal,
}: {
  folder: string;
  /** As it was named, for errors. */ model: string;
  signal?: AbortSignal;
}): Promise<[string, string][]> {
  const paths: [name: string, path: string][] = [];
  let bytes = 0;
  for (const name of (await readdir(folder)).filter((one) => modelFiles.test(one)).sort()) {
    const path = join(folder, name);
    const status = await stat(path);
    if (status.isDirectory()) continue;
    if (!status.isFile()) throw new FileError({ code: 'not-a-file', message: `${path} is not a file`, path });
    bytes += status.size;
    paths.push([name, path]);
  }
  const memory = machineMemory();
  if (bytes > memory)
    throw new TrainerError({
      code: 'does-not-fit',
      message: `${model} has ${gibibytes(bytes)} in its files; this machine has ${gibibytes(memory)} of memory. Take a smaller model.`,
    });
  const digests: [string, string][] = [];
  for (const [name, path] of paths) digests.push([name, await digestFile({ path, signal })]);
  return digests;
}

/** The model that an adapter stands on, if there is one and it names it. */
async function baseOf(path: string): Promise<string | undefined> {
  try {
    const value = parseJson({ text: await readTextFile({ path, maximumBytes: 2 ** 20 }), name: path }) as {
      base_model_name_or_path?: unknown;
    } | null;
    return typeof value?.base_model_name_or_path === 'string' ? value.base_model_name_or_path : undefined;
  } catch {
    return undefined;
  }
}
