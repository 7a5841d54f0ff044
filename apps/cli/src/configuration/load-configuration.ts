import { UsageError } from '@subtext/terminal';
import { isMap, isScalar, isSeq, type Node, parse } from 'yaml';
import { z } from 'zod';

import { observed } from './observed';
import { type ConfigurationLayer, type LayeredConfiguration, readLayers } from './read-layers';

/** Where a path of the configuration stands in a file; line 0 where the file has none of it. */
interface Place {
  /** The file, and how many win over it. */
  path: string;
  order: number;
  line: number;
  column: number;
}

/**
 * Reads a YAML file with what it builds on, applies `key=value` overrides and checks the result against a schema. All faults are reported at
 * once, each with its place; unknown keys come with the nearest known one.
 */
export async function loadConfiguration<Schema extends z.ZodType>({
  path,
  layered,
  overrides = [],
  replaceFolder,
  schema,
}: {
  /** The YAML file. */
  path: string;
  /** What was read from it, where settings have been merged over it already. @default the file with what it builds on */
  layered?: LayeredConfiguration;
  /** `training.batchSize=64`; values are YAML. @default [] */
  overrides?: readonly string[];
  /** Texts of the file that begin with the folder `from` begin with `to` instead: for presets. */
  replaceFolder?: { from: string; to: string };
  schema: Schema;
}): Promise<z.output<Schema>> {
  const { value: written, layers } = layered ?? (await readLayers(path));
  const value = replaceFolder ? replacePrefix({ value: written, ...replaceFolder }) : written;
  const overridden = new Set<string>();
  for (const override of overrides) overridden.add(applyOverride({ value, override }).join('.'));
  const result = schema.safeParse(value);
  if (result.success) return observed(result.data);
  const placeOf = (keys: readonly PropertyKey[]): Place | 'command line' => {
    for (let length = keys.length; length > 0; length--) {
      if (overridden.has(keys.slice(0, length).join('.'))) return 'command line';
    }
    // The file that has most of the path; of several, the one whose value holds.
    return layers
      .map((layer, order) => ({ ...findPlace({ layer, keys }), path: layer.path, order }))
      .reduce((best, place) => (place.depth > best.depth ? place : best));
  };
  const faults = result.error.issues
    .flatMap((issue) => describeIssue({ issue, schema, value }))
    .map(({ keys, message }) => ({ place: placeOf(keys), message }))
    // As the file is read from top to bottom; the command line comes last.
    .sort((a, b) =>
      a.place === 'command line'
        ? 1
        : b.place === 'command line'
          ? -1
          : a.place.order - b.place.order || a.place.line - b.place.line || a.place.column - b.place.column,
    )
    .map(
      ({ place, message }) =>
        `${place === 'command line' ? place : place.line === 0 ? place.path : `${place.path}:${place.line}:${place.column}`}: ${message}`,
    );
  throw new UsageError(
    `The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
  );
}

/** What a configuration is of, where it says so in its `kind`; undefined where it cannot be read, which reading it in full tells better. */
export async function configurationKind(path: string): Promise<unknown> {
  try {
    return (await readLayers(path)).value.kind;
  } catch {
    return undefined;
  }
}

/** Replaces a leading folder in every text of a value. */
function replacePrefix({ value, from, to }: { value: unknown; from: string; to: string }): unknown {
  if (typeof value === 'string')
    return value === from || value.startsWith(`${from}/`) ? `${to}${value.slice(from.length)}` : value;
  if (Array.isArray(value)) return value.map((item) => replacePrefix({ value: item, from, to }));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, replacePrefix({ value: item, from, to })]),
  );
}

function applyOverride({ value, override }: { value: unknown; override: string }): string[] {
  const equals = override.indexOf('=');
  if (equals < 1)
    throw new UsageError(
      `Cannot read the override "${override}": write configuration overrides, such as training.batchSize=64.`,
    );
  const keys = override.slice(0, equals).split('.');
  let target = value as Record<string, unknown>;
  if (keys.includes('__proto__')) throw new UsageError(`Cannot read the override "${override}": there is no such key.`);
  for (const key of keys.slice(0, -1)) {
    if (typeof target[key] !== 'object' || target[key] === null) target[key] = {};
    target = target[key] as Record<string, unknown>;
  }
  try {
    target[keys.at(-1)!] = parse(override.slice(equals + 1)) as unknown;
  } catch (error) {
    throw new UsageError(
      `Cannot read the value of "${override}": ${error instanceof Error ? error.message : String(error)}.`,
    );
  }
  return keys;
}

/** The place of the deepest key of a path that a file has, and how many keys of the path lead there. */
function findPlace({ layer: { root, lines }, keys }: { layer: ConfigurationLayer; keys: readonly PropertyKey[] }): {
  line: number;
  column: number;
  depth: number;
} {
  let node: unknown = root;
  let place = { line: 0, column: 0, depth: 0 };
  for (const [index, key] of keys.entries()) {
    const pair = isMap(node)
      ? node.items.find(({ key: found }) => isScalar(found) && String(found.value) === String(key))
      : undefined;
    const at = isSeq(node) && typeof key === 'number' ? node.items[key] : pair?.key;
    if (!at) break;
    // Settings that stand in no file by themselves have no lines.
    const range = (at as Node).range;
    const { line, col } = range ? lines.linePos(range[0]) : { line: 0, col: 0 };
    place = { line, column: col, depth: index + 1 };
    node = pair ? pair.value : at;
  }
  return place;
}

/** What is wrong with a configuration at one key. */
interface ConfigurationFault {
  keys: readonly PropertyKey[];
  message: string;
}

function describeIssue({
  issue,
  schema,
  value,
}: {
  issue: z.core.$ZodIssue;
  schema: z.ZodType;
  /** What was checked. */ value: unknown;
}): ConfigurationFault[] {
  const keys = issue.path;
  const at = keys.join('.');
  const said = (message: string): ConfigurationFault[] => [
    { keys, message: at === '' ? message : `${at}: ${message}` },
  ];
  if (issue.code === 'unrecognized_keys') {
    const chosen = chosenAlternative({ schema, path: keys, value: valueAt({ value, keys }) });
    const known = chosen?.known ?? knownKeys({ schema, path: keys });
    return issue.keys.map((key) => {
      const owners = chosen?.ownersOf(key) ?? [];
      if (chosen && owners.length > 0) {
        const group = keys.join('.');
        return {
          keys: [...keys, key],
          message: `unknown key "${group}.${key}": it belongs to ${owners.join(', ')}, not to "${chosen.name}". On the command line the whole group is replaced by ${group}='{ ${chosen.discriminator}: ${chosen.name} }'`,
        };
      }
      const nearest = nearestWord({ word: key, known });
      const advice = nearest
        ? `; did you mean "${nearest}"?`
        : known.length > 0
          ? `; known here: ${known.join(', ')}`
          : '';
      return { keys: [...keys, key], message: `unknown key "${[...keys, key].join('.')}"${advice}` };
    });
  }
  const given = valueAt({ value, keys });
  if (given === undefined && issue.code === 'invalid_type') return said(`must be given (${issue.expected})`);
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // Where what was given is of one alternative's kind, it is told what is wrong inside of it.
    const inside = issue.errors.find((branch) => branch.length > 0 && branch.every(({ path }) => path.length > 0));
    if (inside)
      return inside.flatMap((one) => describeIssue({ issue: { ...one, path: [...keys, ...one.path] }, schema, value }));
    const messages = issue.errors.flatMap((branch) => branch.map(({ message }) => message));
    return said([...new Set(messages)].join('; or ') || issue.message);
  }
  // Names out of a list, such as the method's.
  const choices =
    issue.code === 'invalid_value'
      ? issue.values.map(String)
      : issue.code === 'invalid_union' && 'discriminator' in issue
        ? constantsAt({ schema, path: keys })
        : [];
  if (choices.length > 0) {
    const nearest = typeof given === 'string' ? nearestWord({ word: given, known: choices }) : undefined;
    return said(
      `${given === undefined ? 'must be given' : `${JSON.stringify(given)} is none of the choices`}${nearest ? `; did you mean "${nearest}"?` : ''} (${choices.join(', ')})`,
    );
  }
  return said(issue.message);
}

/** What stands at a path. */
function valueAt({ value, keys }: { value: unknown; keys: readonly PropertyKey[] }): unknown {
  return keys.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    value,
  );
}

type SchemaNode = z.core.JSONSchema.BaseSchema;

/** The parts of a schema that hold at a path, alternatives included. */
function nodesAt({ schema, path }: { schema: z.ZodType; path: readonly PropertyKey[] }): SchemaNode[] {
  const alternatives = (node: SchemaNode): SchemaNode[] => {
    const inner = [...(node.anyOf ?? []), ...(node.oneOf ?? []), ...(node.allOf ?? [])] as SchemaNode[];
    return [node, ...inner.flatMap(alternatives)];
  };
  let nodes: SchemaNode[] = [z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })];
  for (const key of path) {
    nodes = nodes.flatMap(alternatives).flatMap((node) => {
      // Named keys; the values of a record, whose keys are free; the items of a list.
      const next = [
        node.properties?.[String(key)] ?? node.additionalProperties,
        typeof key === 'number' ? node.items : undefined,
      ];
      return next.filter((one): one is SchemaNode => typeof one === 'object' && one !== null && !Array.isArray(one));
    });
  }
  return nodes.flatMap(alternatives);
}

/** The keys that the schema knows at a path. */
function knownKeys(at: { schema: z.ZodType; path: readonly PropertyKey[] }): string[] {
  return [...new Set(nodesAt(at).flatMap((node) => Object.keys(node.properties ?? {})))];
}

/**
 * Where a group has different keys for each value of one of them, such as those of `method` by its name: the value that was
 * given with its keys, and the values that have a key. Undefined where the group has the same keys always.
 */
function chosenAlternative({
  schema,
  path,
  value,
}: {
  schema: z.ZodType;
  path: readonly PropertyKey[];
  /** What stands at the path. */ value: unknown;
}): { discriminator: string; name: string; known: string[]; ownersOf: (key: string) => string[] } | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const alternatives = nodesAt({ schema, path }).flatMap(({ properties = {} }) =>
    Object.entries(properties).flatMap(([discriminator, node]) =>
      typeof node === 'object' && typeof node.const === 'string'
        ? [{ discriminator, name: node.const, known: Object.keys(properties) }]
        : [],
    ),
  );
  const chosen = alternatives.find(
    ({ discriminator, name }) => (value as Record<string, unknown>)[discriminator] === name,
  );
  return (
    chosen && {
      ...chosen,
      ownersOf: (key) => alternatives.filter(({ known }) => known.includes(key)).map(({ name }) => name),
    }
  );
}

/** The values that a key may have, where it chooses among alternatives. */
function constantsAt(at: { schema: z.ZodType; path: readonly PropertyKey[] }): string[] {
  return [...new Set(nodesAt(at).flatMap((node) => (typeof node.const === 'string' ? [node.const] : [])))];
}

/** The known word with the fewest edits, if it is near enough to be a slip. */
function nearestWord({ word, known }: { word: string; known: readonly string[] }): string | undefined {
  const distances = known.map((candidate) => ({
    candidate,
    distance: editDistance(word.toLowerCase(), candidate.toLowerCase()),
  }));
  const [best] = distances.sort((a, b) => a.distance - b.distance);
  return best && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : undefined;
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
