import { printable } from '@subtext/core';

import { HubError } from './hub-error';

/** A file as the hub lists it. */
export interface HubFile {
  /** Its path within the model. */
  path: string;
  /** Its length in bytes. */
  size: number;
  /** The hash of its content, by which the cache names it: SHA-256 of large files, else git's blob hash. */
  etag: string;
}

/** The most files that are fetched. */
const maximumWanted = 1000;

const shard = /^model-\d{5}-of-\d{5}\.safetensors$/;
const weights = /\.(?:safetensors|bin)$/;
const pytorchShard = /^pytorch_model-\d{5}-of-\d{5}\.bin$/;

/**
 * The files of a model that Subtext reads: settings, tokenizer, templates, one form of its weights (safetensors, else
 * PyTorch's own), and an interpreter's projector. Not weights of other kinds or precisions, nor copies for other tools.
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
  /** Files of settings, one of which is needed, and no weights. Default: the whole model. */
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
      // What a reasoner's states go through before they are fed back.
      path === 'feedback.safetensors' ||
      path === 'projector.safetensors' ||
      // Names that can be files anywhere: no separators, control characters or endless lengths.
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
        `the model "${id}" has no model.safetensors and no pytorch_model.bin` +
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
