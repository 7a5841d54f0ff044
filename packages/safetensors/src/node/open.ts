import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SafetensorsError } from '../safetensors-error';
import { openSafetensorsFrom, type SafetensorsFile } from '../safetensors-file';
import { fileError, fileSource } from './file-source';
import { openIndex } from './sharded-file';

/** Weight files looked for in a model folder, in the order of transformers; a PEFT adapter's file last. */
const folderFiles = ['model.safetensors', 'model.safetensors.index.json', 'adapter_model.safetensors'];

/**
 * Opens safetensors files for reading: headers are read and validated now, tensors when requested.
 *
 * @throws SafetensorsError `not-found`, `input-output`, `truncated`, `header-too-large`, `invalid-header`,
 *   `duplicate-name`, `unsupported-dtype`, `invalid-shape`, `invalid-offsets`, `invalid-index`
 */
export async function openSafetensors({
  path,
}: {
  /** A `.safetensors` file, an index (`model.safetensors.index.json`), or a model folder with one of them. */
  path: string;
}): Promise<SafetensorsFile> {
  const file = await weightsFile(path);
  return file.endsWith('.json') ? openIndex(file) : openSafetensorsFrom(await fileSource({ path: file }));
}

async function weightsFile(path: string): Promise<string> {
  let names: string[];
  try {
    if (!(await stat(path)).isDirectory()) return path;
    names = await readdir(path);
  } catch (cause) {
    throw fileError(cause, path, 'open');
  }
  const found = folderFiles.find((name) => names.includes(name));
  if (found !== undefined) return join(path, found);
  const others = names.filter((name) => /\.(safetensors|bin|pt|pth|gguf|onnx|ckpt)$/.test(name));
  throw new SafetensorsError({
    code: 'not-found',
    message:
      `the folder has none of ${folderFiles.join(', ')}` +
      (others.length > 0 ? `; it has ${others.slice(0, 5).join(', ')}` : '') +
      (others.some((name) => name.endsWith('.safetensors')) ? ': give the path of that file' : ''),
    path,
  });
}
