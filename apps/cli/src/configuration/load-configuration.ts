import { UsageError } from '@subtext/terminal';
import { readFile } from 'node:fs/promises';
import { isMap, isScalar, LineCounter, type Node, parse, parseDocument } from 'yaml';
import { z } from 'zod';

/** Where a path of the configuration stands: a place in the file, or an override on the command line. */
interface Place {
  line: number;
  column: number;
}

/**
 * Reads a YAML file, applies `key=value` overrides and checks the result against a schema. All faults are reported at
 * once, each with its place; unknown keys come with the nearest known one.
 */
export async function loadConfiguration<Schema extends z.ZodType>({
  path,
  overrides = [],
  replaceFolder,
  schema,
}: {
  /** The YAML file. */
  path: string;
  /** `training.batchSize=64`; values are YAML. @default [] */
  overrides?: readonly string[];
  /** Texts of the file that begin with the folder `from` begin with `to` instead: for presets. */
  replaceFolder?: { from: string; to: string };
  schema: Schema;
}): Promise<z.output<Schema>> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(`Cannot read the configuration ${path}: ${error instanceof Error ? error.message : String(error)}.`);
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
  const value = replaceFolder ? replacePrefix({ value: written, ...replaceFolder }) : written;
  const overridden = new Set<string>();
  for (const override of overrides) overridden.add(applyOverride({ value, override }).join('.'));
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const placeOf = (keys: readonly PropertyKey[]): string => {
    for (let length = keys.length; length > 0; length--) {
      if (overridden.has(keys.slice(0, length).join('.'))) return 'command line';
    }
    const place = findPlace({ root: document.contents, keys, lines });
    return place ? `${path}:${place.line}:${place.column}` : path;
  };
  const faults = result.error.issues.flatMap((issue) => describeIssue({ issue, schema, placeOf }));
  throw new UsageError(`The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
}

/** What a configuration is of, where it says so in its `kind`; undefined where it cannot be read, which reading it in full tells better. */
export async function configurationKind(path: string): Promise<unknown> {
  try {
    const value = parse(await readFile(path, 'utf8')) as { kind?: unknown } | null;
    return value?.kind;
  } catch {
    return undefined;
  }
}

/** Replaces a leading folder in every text of a value. */
function replacePrefix({ value, from, to }: { value: unknown; from: string; to: string }): unknown {
  if (typeof value === 'string') return value === from || value.startsWith(`${from}/`) ? `${to}${value.slice(from.length)}` : value;
  if (Array.isArray(value)) return value.map((item) => replacePrefix({ value: item, from, to }));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replacePrefix({ value: item, from, to })]));
}

function applyOverride({ value, override }: { value: unknown; override: string }): string[] {
  const equals = override.indexOf('=');
  if (equals < 1) throw new UsageError(`Cannot read the override "${override}": write key=value, for example training.batchSize=64.`);
  const keys = override.slice(0, equals).split('.');
  let target = value as Record<string, unknown>;
  for (const key of keys.slice(0, -1)) {
    if (typeof target[key] !== 'object' || target[key] === null) target[key] = {};
    target = target[key] as Record<string, unknown>;
  }
  try {
    target[keys.at(-1)!] = parse(override.slice(equals + 1)) as unknown;
  } catch (error) {
    throw new UsageError(`Cannot read the value of "${override}": ${error instanceof Error ? error.message : String(error)}.`);
  }
  return keys;
}

/** The place of the deepest key of a path that the file has. */
function findPlace({ root, keys, lines }: { root: Node | null; keys: readonly PropertyKey[]; lines: LineCounter }): Place | undefined {
  let node: unknown = root;
  let place: Place | undefined;
  for (const key of keys) {
    if (!isMap(node)) break;
    const pair = node.items.find(({ key: found }) => isScalar(found) && String(found.value) === String(key));
    if (!pair) break;
    const range = (pair.key as Node).range;
    if (range) {
      const { line, col } = lines.linePos(range[0]);
      place = { line, column: col };
    }
    node = pair.value;
  }
  return place;
}

function describeIssue({
  issue,
  schema,
  placeOf,
}: {
  issue: z.core.$ZodIssue;
  schema: z.ZodType;
  placeOf: (keys: readonly PropertyKey[]) => string;
}): string[] {
  const at = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys({ schema, path: issue.path });
    return issue.keys.map((key) => {
      const nearest = nearestKey({ key, known });
      return `${placeOf([...issue.path, key])}: unknown key "${[...issue.path, key].join('.')}"${nearest ? `; did you mean "${nearest}"?` : `; known here: ${known.join(', ')}`}`;
    });
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const messages = issue.errors.flatMap((branch) => branch.map(({ message }) => message));
    return [`${placeOf(issue.path)}: ${at}: ${[...new Set(messages)].join('; or ') || issue.message}`];
  }
  return [`${placeOf(issue.path)}: ${at === '' ? '' : `${at}: `}${issue.message}`];
}

/** The keys that the schema knows at a path. */
function knownKeys({ schema, path }: { schema: z.ZodType; path: readonly PropertyKey[] }): string[] {
  let candidates: z.core.JSONSchema.BaseSchema[] = [z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })];
  const alternatives = (node: z.core.JSONSchema.BaseSchema): z.core.JSONSchema.BaseSchema[] => {
    const inner = [...(node.anyOf ?? []), ...(node.oneOf ?? []), ...(node.allOf ?? [])] as z.core.JSONSchema.BaseSchema[];
    return [node, ...inner.flatMap(alternatives)];
  };
  for (const key of path) {
    candidates = candidates.flatMap(alternatives).flatMap((node) => {
      const next = node.properties?.[String(key)];
      return typeof next === 'object' ? [next] : [];
    });
  }
  return [...new Set(candidates.flatMap(alternatives).flatMap((node) => Object.keys(node.properties ?? {})))];
}

/** The known key with the fewest edits, if it is near enough to be a slip. */
function nearestKey({ key, known }: { key: string; known: readonly string[] }): string | undefined {
  const distances = known.map((candidate) => ({ candidate, distance: editDistance(key.toLowerCase(), candidate.toLowerCase()) }));
  const [best] = distances.sort((a, b) => a.distance - b.distance);
  return best && best.distance <= Math.max(2, Math.floor(key.length / 3)) ? best.candidate : undefined;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      current[j] = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
