import { printable } from '@subtext/core';

import { HubError } from './hub-error';

/** A file as listed by the hub. */
export interface HubFile {
  /** Path within the model. */
  path: string;
  /** Size in bytes. */
  size: number;
  /** Hash of its content, used as its name in the cache: SHA-256 for large files, else git's blob hash. */
  etag: string;
}

/** Maximum number of files to download. */
const maximumWanted = 1000;

const shard = /^model-\d{5}-of-\d{5}\.safetensors$/;
const weights = /\.(?:safetensors|bin)$/;
const pytorchShard = /^pytorch_model-\d{5}-of-\d{5}\.bin$/;

/**
 * Selects the files of a model that Subtext reads: configuration, tokenizer, templates, one format of the weights
 * (safetensors, else PyTorch), and an interpreter's projector. Not other formats or precisions of the weights, nor copies
 * for other tools.
 *
 * @throws HubError `no-weights`, `invalid-answer`
 */
export function wantedFiles({
  id,
  files,
  needs,
}: {
  id: string;
  files: readonly HubFile[];
  /** Alternative configuration files, one of which is required; no weights then. Default: the whole model. */
  needs?: readonly string[];
}): HubFile[] {
  const names = new Set(files.map(({ path }) => path));
  const twice =
    names.size < files.length
      ? files.find(({ path }, index) => files.findIndex((other) => other.path === path) < index)
      : undefined;
  if (twice !== undefined)
    throw new HubError({
      code: 'invalid-answer',
      message: `the hub lists ${printable(JSON.stringify(twice.path)).slice(0, 200)} twice among the files of "${id}"`,
    });
  const whole = names.has('model.safetensors');
  const pickled = !files.some(({ path }) => path.endsWith('.safetensors'));
  const wholePickle = names.has('pytorch_model.bin');
  const wanted = files.filter(({ path }) => {
    if (needs !== undefined && weights.test(path)) return false;
    if (path === 'model.safetensors.index.json' || shard.test(path)) return !whole;
    if (path === 'pytorch_model.bin') return pickled;
    if (path === 'pytorch_model.bin.index.json' || pytorchShard.test(path)) return pickled && !wholePickle;
    return (
      path === 'model.safetensors' ||
      path === 'adapter_model.safetensors' ||
      // Weights of the feedback of a reasoner's states.
      path === 'feedback.safetensors' ||
      path === 'projector.safetensors' ||
      // Portable file names only: no separators, control characters or excessive lengths.
      /^\w[\w .+@-]{0,180}\.(?:json|jinja)$/.test(path) ||
      /^additional_chat_templates\/\w[\w .+@-]{0,180}\.jinja$/.test(path)
    );
  });
  if (needs === undefined && !wanted.some(({ path }) => weights.test(path))) {
    const others = files
      .map(({ path }) => path)
      .filter((path) => /\.(?:bin|safetensors|gguf|pth|pt|h5|msgpack|onnx)$/.test(path));
    throw new HubError({
      code: 'no-weights',
      message:
        `the model "${id}" has neither model.safetensors nor pytorch_model.bin` +
        (others.length === 0
          ? ''
          : `; it has ${printable(others.slice(0, 4).join(', '))}. Convert it with transformers: AutoModel.from_pretrained(id).save_pretrained(folder)`),
    });
  }
  if (wanted.length > maximumWanted)
    throw new HubError({
      code: 'invalid-answer',
      message: `the hub lists ${wanted.length} files of "${id}" that would be downloaded; no model has more than ${maximumWanted}`,
    });
  return wanted;
}
