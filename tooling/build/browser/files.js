/* global fetch, crypto, TextEncoder, TextDecoder, btoa */
/**
 * What a browser has for files, behind the functions of `node:fs/promises` and `node:path` that our loaders call: folders of
 * `File` objects that `@subtext/core`'s `openFiles` put under a name, and addresses, which are fetched.
 */
const registry = Symbol.for('subtext.files');

/** Names that a model folder may have, asked for one by one where a server has no listing. */
const folderNames = [
  'config.json',
  'generation_config.json',
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
  'adapter_config.json',
  'adapter_model.safetensors',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'preprocessor_config.json',
  'processor_config.json',
  'subtext.json',
  'feedback.safetensors',
];

const isAddress = (path) => /^(https?|blob|data):/.test(path);
const isFileName = (path) => /\.(json|safetensors|jinja|txt|model|bin|png|jpe?g|webp|gif|yaml|md)$/i.test(path);

function failure(code, path, message) {
  return Object.assign(new Error(`${code}: ${message}, '${path}'`), { code, path });
}

const missing = (path) => failure('ENOENT', path, 'no such file');
const readOnly = (path) => failure('EROFS', path, 'a browser has no folder to write to');

function opened(path) {
  const [, folder, name] = /^(files:\/[^/]+)(?:\/(.*))?$/.exec(path) ?? [];
  const files = folder === undefined ? undefined : globalThis[registry]?.get(folder);
  return files === undefined ? undefined : { files, name: name ?? '' };
}

/** Content that was fetched, by address, while a loader looks at it more than once. */
const fetched = new Map();

async function answer(path, method) {
  let response;
  try {
    response = await fetch(path, { method });
  } catch (cause) {
    throw Object.assign(failure('EIO', path, `can't be fetched (${cause.message})`), { cause });
  }
  // Servers of single-page applications answer every address, with the page.
  const page = /^text\/html/.test(response.headers.get('content-type') ?? '') && !/\.html?$/.test(path);
  if (response.status === 404 || response.status === 410 || (response.ok && page)) throw missing(path);
  if (!response.ok) throw failure('EIO', path, `the server answered ${response.status}`);
  return response;
}

async function blobOf(path) {
  const own = opened(path);
  if (own !== undefined) {
    const blob = own.files.get(own.name);
    if (blob === undefined) throw missing(path);
    return blob;
  }
  if (!isAddress(path)) throw failure('ENOENT', path, 'a browser reads addresses, and File objects by openFiles');
  if (!fetched.has(path)) {
    fetched.set(
      path,
      answer(path, 'GET').then((response) => response.blob()),
    );
    fetched.get(path).then(
      () => setTimeout(() => fetched.delete(path), 10_000),
      () => fetched.delete(path),
    );
  }
  return fetched.get(path);
}

const status = (size) => ({
  size,
  mtimeMs: 0,
  isFile: () => size !== undefined,
  isDirectory: () => size === undefined,
  isSymbolicLink: () => false,
});

export async function stat(path) {
  const own = opened(path);
  if (own !== undefined) {
    if (own.files.has(own.name)) return status(own.files.get(own.name).size);
    if (own.name === '' || [...own.files.keys()].some((name) => name.startsWith(`${own.name}/`)))
      return status(undefined);
    throw missing(path);
  }
  if (isAddress(path) && !isFileName(path)) return status(undefined);
  if (isAddress(path) && !fetched.has(path)) {
    const size = (await answer(path, 'HEAD')).headers.get('content-length');
    if (size !== null) return status(Number(size));
  }
  return status((await blobOf(path)).size);
}
export const lstat = stat;
export const access = async (path) => void (await stat(path));
export const realpath = async (path) => path;

export async function readdir(path) {
  const own = opened(path);
  if (own !== undefined) {
    const prefix = own.name === '' ? '' : `${own.name}/`;
    const names = new Set(
      [...own.files.keys()]
        .filter((name) => name.startsWith(prefix))
        .map((name) => name.slice(prefix.length).split('/')[0]),
    );
    if (names.size === 0) throw missing(path);
    return [...names];
  }
  const found = await Promise.all(
    folderNames.map((name) =>
      stat(join(path, name)).then(
        () => true,
        () => false,
      ),
    ),
  );
  const names = folderNames.filter((_, index) => found[index]);
  if (names.length === 0) throw missing(path);
  return names;
}

export async function readFile(path, options) {
  const blob = await blobOf(path);
  const encoding = typeof options === 'string' ? options : options?.encoding;
  return encoding === undefined ? new globalBuffer(await blob.arrayBuffer()) : blob.text();
}

export async function open(path, flags) {
  if (typeof flags === 'string' && /[wax+]/.test(flags)) throw readOnly(path);
  const blob = await blobOf(path);
  return {
    fd: undefined,
    stat: async () => status(blob.size),
    readFile: (options) => readFile(path, options),
    async read(buffer, offset = 0, length = buffer.byteLength - offset, position = 0) {
      const bytes = new Uint8Array(await blob.slice(position, position + length).arrayBuffer());
      new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength).set(bytes, offset);
      return { bytesRead: bytes.byteLength, buffer };
    },
    close: async () => {},
  };
}

export const mkdir = async (path) => Promise.reject(readOnly(path));
export const writeFile = mkdir;
export const rename = mkdir;
export const rm = async () => {};
export const unlink = rm;

export const sep = '/';
export const delimiter = ':';
export const isAbsolute = (path) => path.startsWith('/') || /^[a-z]+:/.test(path);

/** As Node's, on `/`; an address keeps its scheme and host. */
export function join(...parts) {
  const path = parts.filter((part) => part !== '').join('/');
  const [, root, rest] = /^((?:https?|blob|files):\/\/?[^/]*\/?|\/)?([^]*)$/.exec(path);
  const kept = [];
  for (const part of rest.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (part !== '..' || root === undefined) kept.push(part);
  }
  const body = kept.join('/');
  if (root === undefined) return body === '' ? '.' : body;
  return body === '' ? root : root.endsWith('/') ? root + body : `${root}/${body}`;
}
export const normalize = (path) => join(path);
export const resolve = (...paths) =>
  join(
    ...paths.slice(
      Math.max(
        0,
        paths.findLastIndex((path) => isAbsolute(path)),
      ),
    ),
  );
export const dirname = (path) => join(path, '..');
export const basename = (path, end = '') => {
  const name = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  return end !== '' && name.endsWith(end) ? name.slice(0, -end.length) : name;
};
export const extname = (path) => /\.[^./]*$/.exec(basename(path).slice(1))?.[0] ?? '';
export const relative = (from, to) => (to.startsWith(`${from}/`) ? to.slice(from.length + 1) : to);
export const posix = { sep, join, dirname, basename, normalize, isAbsolute, resolve, relative, extname };

export const constants = { O_RDONLY: 0, F_OK: 0, R_OK: 4 };
export const existsSync = () => false;

export const randomBytes = (count) => globalBuffer.from(crypto.getRandomValues(new Uint8Array(count)));
export const randomUUID = () => crypto.randomUUID();
export const hostname = () => 'browser';
export const cpus = () => [];
export const homedir = () => '/';

/** The parts of Node's Buffer that our loaders use. */
class globalBuffer extends Uint8Array {
  static allocUnsafe(size) {
    return new globalBuffer(size);
  }
  static alloc(size) {
    return new globalBuffer(size);
  }
  static from(value, ...rest) {
    if (typeof value === 'string') return new globalBuffer(new TextEncoder().encode(value));
    return new globalBuffer(
      value instanceof ArrayBuffer
        ? value.slice(rest[0] ?? 0, rest[1] === undefined ? undefined : (rest[0] ?? 0) + rest[1])
        : value,
    );
  }
  static byteLength(text) {
    return new TextEncoder().encode(text).byteLength;
  }
  static isBuffer(value) {
    return value instanceof globalBuffer;
  }
  equals(other) {
    return this.byteLength === other.byteLength && this.every((byte, index) => byte === other[index]);
  }
  toString(encoding = 'utf8') {
    if (encoding === 'hex') return Array.from(this, (byte) => byte.toString(16).padStart(2, '0')).join('');
    if (encoding === 'latin1' || encoding === 'binary')
      return Array.from(this, (byte) => String.fromCharCode(byte)).join('');
    if (encoding === 'base64') return btoa(this.toString('latin1'));
    return new TextDecoder().decode(this);
  }
}
export { globalBuffer as Buffer };
