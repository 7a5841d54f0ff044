import { parseJson } from '@subtext/core';
import { FileError, openRegularFile, readTextFile } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';
import { findModel, UsageError } from '@subtext/terminal';
import type { RunIdentity } from '@subtext/trainer';
import { createHash, type Hash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';

import type { TrainConfiguration } from '../configuration/schema';

/** Files that are read side by side. */
const AT_ONCE = 16;

/** What a model's folder is read from: weights, configuration, tokenizer, template, picture processor, adapter. */
const modelFiles = /\.(?:safetensors|json|txt|model|jinja)$/;

/** Keys of a configuration that change neither weights nor results: where, how fast, and how often it is saved. */
const keysWithoutEffect = [
  'output',
  'workers',
  'engine',
  'logs',
  'data.train',
  'data.validation',
  'data.evaluation',
  'data.overlap',
  'training.checkpointSeconds',
  'training.checkpointSteps',
  'training.keepCheckpoints',
  'model.from',
  'model.vocabulary',
  'interpreters.model.from',
];

/** Whether a key of a configuration leaves the result as it is; what paths lead to counts by its content. */
export function hasNoEffect(key: string): boolean {
  return keysWithoutEffect.some((one) => key === one || key.startsWith(`${one}.`));
}

/**
 * Identifies everything that a run's result depends on, in parts: its configuration but for where and how fast it runs,
 * the examples with the content of their pictures, and every file of the models it starts from. The engine is not among
 * them: a run that changes it goes on within rounding, and says so.
 */
export async function fingerprintOf({
  configuration,
  examples,
  include = [],
  signal,
}: {
  configuration: TrainConfiguration;
  examples: readonly ReasoningExample[];
  /** Modules that were included: their content counts. @default [] */
  include?: readonly string[];
  signal?: AbortSignal;
}): Promise<Required<RunIdentity>> {
  const parts: Record<string, string> = {
    configuration: digestOf(decisive({ value: configuration })),
    ...(await digestExamples({ examples, signal })),
  };
  for (const path of include) parts[`include: ${path}`] = await hashFile({ path, signal });
  for (const path of configuration.model.vocabulary)
    parts[`model.vocabulary: ${path}`] = await hashFile({ path, signal });
  for (const [key, model] of Object.entries(startingFolders(configuration))) {
    const folder = await findModel({ model, signal });
    for (const [name, digest] of await digestModel({ folder, model, signal })) parts[`${key}: ${name}`] = digest;
  }
  return { fingerprint: digestOf(parts), parts };
}

/** Digests of examples: of what they say, and of what their pictures' files hold. */
export async function digestExamples({
  examples,
  signal,
}: {
  examples: readonly ReasoningExample[];
  signal?: AbortSignal;
}): Promise<{ examples: string; pictures: string }> {
  const hash = createHash('sha256');
  for (const { id, question, steps, answer, image } of examples)
    hash.update(JSON.stringify([id, question, steps, answer, image !== undefined]));
  const paths = [...new Set(examples.flatMap(({ image }) => (image ? [image.path] : [])))];
  const digests: string[] = new Array<string>(paths.length);
  const inside = new Map<string, Promise<string>>();
  let next = 0;
  const work = async () => {
    for (let index = next++; index < paths.length; index = next++) {
      signal?.throwIfAborted();
      const path = paths[index]!;
      // A picture inside a data file is named by that file and its line.
      const file = (await stat(path).catch(() => undefined)) === undefined ? path.replace(/:\d+$/, '') : path;
      if (file === path) digests[index] = await hashFile({ path, signal });
      else {
        if (!inside.has(file)) inside.set(file, hashFile({ path: file, signal }));
        digests[index] = await inside.get(file)!;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { examples: hash.digest('hex'), pictures: digestOf(digests) };
}

/** The models that a run starts from, by their keys: folders, or ids of models on the hub. */
function startingFolders({
  model,
  interpreters,
}: Pick<TrainConfiguration, 'model' | 'interpreters'>): Record<string, string> {
  const from = interpreters?.model.from;
  return {
    ...(model.from !== undefined && { 'model.from': model.from }),
    ...(from !== undefined && from !== 'reasoner' && { 'interpreters.model.from': from }),
  };
}

/** The models that a run starts from: folders, or ids of models on the hub. */
export function startingModels(configuration: Pick<TrainConfiguration, 'model' | 'interpreters'>): string[] {
  return Object.values(startingFolders(configuration));
}

/** The digests of a model's files, by name; those of the model that an adapter stands on too. */
async function digestModel({
  folder,
  model,
  signal,
  depth = 0,
}: {
  folder: string;
  /** As the user names it, for errors. */ model: string;
  signal?: AbortSignal;
  depth?: number;
}): Promise<[string, string][]> {
  const names = (await readdir(folder)).filter((name) => modelFiles.test(name)).sort();
  let bytes = 0;
  for (const name of names) {
    const status = await stat(join(folder, name)).catch(() => undefined);
    if (status && !status.isDirectory() && !status.isFile())
      throw new FileError({
        code: 'not-a-file',
        message: `${join(folder, name)} is not a file`,
        path: join(folder, name),
      });
    if (status?.isFile()) bytes += status.size;
  }
  if (bytes > totalmem())
    throw new UsageError(
      `${model} has ${gibibytes(bytes)} in its files; this machine has ${gibibytes(totalmem())} of memory. Take a smaller model.`,
    );
  const digests: [string, string][] = [];
  for (const name of names) {
    signal?.throwIfAborted();
    if ((await stat(join(folder, name))).isFile())
      digests.push([name, await hashFile({ path: join(folder, name), signal })]);
  }
  const base = names.includes('adapter_config.json') ? await baseOf(join(folder, 'adapter_config.json')) : undefined;
  if (base !== undefined && depth === 0) {
    const beneath = await findModel({ model: base, signal }).catch(() => undefined);
    if (beneath !== undefined && beneath !== folder)
      digests.push(
        ...(await digestModel({ folder: beneath, model: base, signal, depth: 1 })).map(
          ([name, digest]): [string, string] => [`base model/${name}`, digest],
        ),
      );
  }
  return digests;
}

/** The model that an adapter stands on, if it names one. */
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

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

/** Feeds a regular file's bytes to SHA-256. @throws FileError */
async function hashFile({ path, signal }: { path: string; signal?: AbortSignal }): Promise<string> {
  const hash: Hash = createHash('sha256');
  const { handle } = await openRegularFile(path);
  for await (const chunk of handle.createReadStream({ highWaterMark: 2 ** 20 }) as AsyncIterable<Buffer>) {
    signal?.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest('hex');
}

/** A configuration without the keys that have no effect. */
function decisive({ value, place = '' }: { value: unknown; place?: string }): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const at = place === '' ? key : `${place}.${key}`;
    return hasNoEffect(at) ? [] : [[key, decisive({ value: inner, place: at })]];
  });
  return Object.fromEntries(entries);
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
