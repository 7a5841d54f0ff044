import { UsageError } from '@subtext/terminal';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Document, LineCounter, type Node, parseDocument } from 'yaml';

/** A configuration file, or settings, by itself, without what it builds on. */
export interface ConfigurationLayer {
  path: string;
  /** What is written, for the places of its keys; null for an empty file. */
  root: Node | null;
  lines: LineCounter;
}

export interface LayeredConfiguration {
  /** Everything merged. */
  value: Record<string, unknown>;
  /** Every file that was read, the one that was asked for first, then by what wins. */
  layers: ConfigurationLayer[];
}

/**
 * Reads a YAML configuration with the files that its `defaults:` names, by paths seen from its own folder. Of several files
 * the later wins, and the file itself over all of them; a file may build on others in turn. Groups are merged key by key as
 * a JSON merge patch does (RFC 7396): `null` takes a key away that a file below gives, lists are replaced. A group whose
 * `name` changes, such as `method`, is replaced as a whole.
 */
export async function readLayers(path: string): Promise<LayeredConfiguration> {
  return read({ path, chain: [] });
}

async function read({ path, chain }: { path: string; chain: readonly string[] }): Promise<LayeredConfiguration> {
  const by = chain.at(-1);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(
      `Cannot read the configuration ${path}${by === undefined ? '' : `, which the "defaults" of ${by} name`}: ${error instanceof Error ? error.message : String(error)}.`,
    );
  });
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    const faults = document.errors.map(({ message, pos }) => {
      const { line, col } = lines.linePos(pos[0]);
      return `  ${path}:${line}:${col}: ${message}`;
    });
    throw new UsageError(`The configuration is not valid YAML:\n${faults.join('\n')}`);
  }
  const written: unknown = document.toJS() ?? {};
  if (typeof written !== 'object' || written === null || Array.isArray(written)) {
    throw new UsageError(
      `The configuration ${path} holds ${Array.isArray(written) ? 'a list' : `"${String(written).slice(0, 40)}"`} instead of keys with values, such as "output: runs/mine".`,
    );
  }
  return over({
    below: { value: {}, layers: [] },
    written: written as Record<string, unknown>,
    path,
    chain,
    layer: { path, root: document.contents, lines },
  });
}

/** Settings over a configuration, with what their own `defaults:` names, as `readLayers` merges files. */
export async function layersOver({
  below,
  written,
  path,
  place,
}: {
  below: LayeredConfiguration;
  written: Readonly<Record<string, unknown>>;
  /** The file that holds the settings somewhere: paths in `defaults` are seen from its folder. */
  path: string;
  /** How faults name where the settings stand. */
  place: string;
}): Promise<LayeredConfiguration> {
  const root = new Document(written).contents as Node | null;
  return over({ below, written, path, chain: [], layer: { path: place, root, lines: new LineCounter() } });
}

async function over({
  below: { value, layers },
  written,
  path,
  chain,
  layer,
}: {
  below: LayeredConfiguration;
  written: Readonly<Record<string, unknown>>;
  path: string;
  chain: readonly string[];
  layer: ConfigurationLayer;
}): Promise<LayeredConfiguration> {
  const { defaults, ...own } = written;
  resolveLoggers({ written: own, folder: dirname(path) });
  for (const name of defaultsOf({ defaults, path })) {
    const below = resolve(dirname(path), name);
    const following = [...chain, path];
    const first = following.findIndex((one) => resolve(one) === below);
    if (first >= 0)
      throw new UsageError(
        `The "defaults" of configurations are circular: ${[...following.slice(first), following[first]].join(' → ')}. Remove one of them.`,
      );
    const lower = await read({ path: below, chain: following });
    value = merge({ below: value, above: lower.value });
    layers = [...lower.layers, ...layers];
  }
  return { value: merge({ below: value, above: own }), layers: [layer, ...layers] };
}

/** The files that a `defaults` names. */
function defaultsOf({ defaults, path }: { defaults: unknown; path: string }): string[] {
  if (defaults === undefined) return [];
  const names: unknown[] = Array.isArray(defaults) ? defaults : [defaults];
  if (names.length === 0 || !names.every((name): name is string => typeof name === 'string' && name !== ''))
    throw new UsageError(
      `"defaults" in ${path} must be the path of a configuration that this one builds on, or a list of such paths.`,
    );
  return names;
}

const isGroup = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One configuration over another, as `readLayers` tells; neither is changed. */
export function merge({
  below,
  above,
}: {
  below: Readonly<Record<string, unknown>>;
  above: Readonly<Record<string, unknown>>;
}): Record<string, unknown> {
  const merged = new Map(Object.entries(below));
  for (const [key, value] of Object.entries(above)) {
    const under = merged.get(key);
    if (value === null && merged.has(key)) merged.delete(key);
    else if (isGroup(value) && isGroup(under) && !namesAnother({ below: under, above: value }))
      merged.set(key, merge({ below: under, above: value }));
    else merged.set(key, value);
  }
  return Object.fromEntries(merged);
}

function namesAnother({
  below,
  above,
}: {
  below: Readonly<Record<string, unknown>>;
  above: Readonly<Record<string, unknown>>;
}): boolean {
  return typeof above.name === 'string' && typeof below.name === 'string' && above.name !== below.name;
}

/** Paths of loggers that stand in a file are seen from its folder: it finds its modules wherever it is started from. */
function resolveLoggers({ written, folder }: { written: Record<string, unknown>; folder: string }): void {
  const { logs } = written as { logs?: { modules?: unknown } | null };
  if (typeof logs !== 'object' || logs === null || !Array.isArray(logs.modules)) return;
  logs.modules = logs.modules.map((module: unknown) => {
    if (typeof module === 'string') return resolve(folder, module);
    if (typeof module === 'object' && module !== null && 'path' in module && typeof module.path === 'string')
      return { ...module, path: resolve(folder, module.path) };
    return module;
  });
}
