import * as zlib from 'node:zlib';

/**
 * Changes to the content of a file: by its structure where it has one (JSON, lines of JSON, safetensors, PNG), else by
 * its text or bytes. Each takes the content as a Buffer and the draws, and gives back the new content.
 */

/** Values that folders from strangers hold where something else is expected. */
const hostileValues = [
  null,
  true,
  false,
  0,
  -1,
  1,
  1.5,
  1e6,
  1e9,
  4e9,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e15,
  1e308,
  -1e9,
  '',
  'a',
  '1',
  'constructor',
  '__proto__',
  'toString',
  'hasOwnProperty',
  '../../../../etc/passwd',
  '/dev/zero',
  '\u001b]0;title\u0007\u001b[31m',
  '\u0000',
  '\ud800',
  '<script>alert(1)</script>',
  '<|endoftext|>',
  [],
  {},
  [null],
  [[]],
  [0],
  [''],
  ['a', 1, null],
  { a: 1 },
  { constructor: 1 },
  { type: 'constructor' },
  { type: null },
  { type: 'Sequence' },
  'a'.repeat(20_000),
];

/** One of them for a case of its own: what is put into a file may be changed further. */
const hostileValue = (draws) => JSON.parse(JSON.stringify(draws.of(hostileValues)));

/** Regular expressions that take exponential or quadratic time in a backtracking engine, or that no engine should accept. */
const hostilePatterns = [
  '(a+)+$',
  '(.*)*x',
  '(a|a)*b',
  '(\\w+\\s?)*$',
  '(?:a*)*b',
  '(',
  '[',
  '\\',
  '(?<n>a)\\k<n>',
  '(?=a+)+b',
  'a{1000000000}',
  '(?i)ß',
  '\\p{Unknown}',
  '(?R)',
  '.*.*.*.*.*=',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
];

/** Templates that loop, grow or fail. */
const hostileTemplates = [
  '{% for a in range(100000000) %}x{% endfor %}',
  "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
  '{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}',
  '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
  '{{ messages.constructor.constructor("return process")() }}',
  '{{ messages[0].__proto__ }}{{ nothing.nothing }}',
  '{% if %}',
  '{{ "x" * 1000000000 }}',
  '{{ raise_exception("\u001b[31mno") }}',
  '{% for m in messages %}{{ m.content | replace("", "aaaaaaaa") | replace("a", "aaaaaaaa") | replace("a", "aaaaaaaa") }}{% endfor %}',
];

const deep = (levels, object) =>
  object ? '{"a":'.repeat(levels) + '0' + '}'.repeat(levels) : '['.repeat(levels) + ']'.repeat(levels);

/** Every place in a JSON value: [parent, key]. */
function places(value, found = [], depth = 0) {
  if (typeof value !== 'object' || value === null || depth > 40) return found;
  // A vocabulary has thousands of entries of one kind; some of them are enough.
  const keys = Object.keys(value);
  const step = Math.max(1, Math.floor(keys.length / 24));
  for (let index = 0; index < keys.length; index += step) {
    found.push([value, keys[index]]);
    places(value[keys[index]], found, depth + 1);
  }
  return found;
}

function set(parent, key, value) {
  // `parent.__proto__ = …` would change nothing that is written.
  Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

/** As many copies of a value as are asked for, or fewer where their text would have more than four million characters. */
function copiesOf(value, count) {
  return Math.max(1, Math.min(count, Math.floor(4e6 / stringify(value).length)));
}

/** One change of a parsed JSON value; text that stands for the whole file where the change has no value of its own. */
function mutateJsonValue(root, draws) {
  const all = places(root);
  if (all.length === 0) return { text: JSON.stringify(draws.of(hostileValues)) };
  const [parent, key] = draws.of(all);
  const old = parent[key];
  switch (draws.below(10)) {
    case 0:
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else delete parent[key];
      break;
    case 1:
      if (typeof old === 'number')
        set(parent, key, draws.of([old * 1000, -old, old + 0.5, old + 1, 0, 1e9, 2 ** 53, 1e15]));
      else if (typeof old === 'string')
        set(
          parent,
          key,
          draws.of([
            old + old,
            old.slice(1),
            old.toUpperCase(),
            `${old}\u001b[31m`,
            [old],
            old.repeat(1000).slice(0, 1e6),
          ]),
        );
      else if (typeof old === 'boolean') set(parent, key, !old);
      else set(parent, key, draws.of([[old], { a: old }, null]));
      break;
    case 2:
      if (Array.isArray(parent))
        parent.push(...Array.from({ length: copiesOf(old, draws.of([1, 10, 1000])) }, () => old));
      else
        set(
          parent,
          draws.of(['constructor', '__proto__', 'toString', 'unknown_key', '', `${key} `, 'length']),
          draws.of([old, ...hostileValues.slice(0, 12)]),
        );
      break;
    case 3: {
      const [otherParent, otherKey] = draws.of(all);
      const other = otherParent[otherKey];
      set(otherParent, otherKey, old);
      set(parent, key, other);
      // A value that was moved into itself has no end, and no further changes.
      if (stringify(root) === endless) return { text: endless };
      break;
    }
    case 4: {
      // Replaced in the text, so that depth does not have to pass through a parser here.
      set(parent, key, '@@deep@@');
      let text;
      try {
        text = JSON.stringify(root);
      } catch {
        return { text: deep(10_000, false) };
      }
      return { text: text.replace('"@@deep@@"', deep(draws.of([150, 250, 10_000]), draws.chance(0.5))) };
    }
    case 5:
      set(parent, key, draws.of(hostilePatterns));
      break;
    case 6:
      set(parent, key, draws.of(hostileTemplates));
      break;
    default:
      set(parent, key, hostileValue(draws));
  }
  return undefined;
}

/** What is written where a value was moved into itself. */
const endless = '{"a":{"a":{"a":{}}}}';

function stringify(value) {
  try {
    return JSON.stringify(value);
  } catch {
    return endless;
  }
}

export function mutateJson(content, draws) {
  let root;
  try {
    root = JSON.parse(content.toString('utf8'));
  } catch {
    return mutateText(content, draws);
  }
  const changes = draws.of([1, 1, 1, 2, 3]);
  for (let change = 0; change < changes; change += 1) {
    const whole = mutateJsonValue(root, draws);
    if (whole !== undefined) return Buffer.from(whole.text);
  }
  let text = stringify(root);
  // A name given twice: which one counts is for the reader to say.
  if (draws.chance(0.03)) text = text.replace(/\{"([^"\\]+)":/, '{"$1":0,"$1":');
  return Buffer.from(text);
}

export function mutateLines(content, draws) {
  const lines = content.toString('utf8').split('\n');
  const index = draws.below(lines.length);
  switch (draws.below(6)) {
    case 0:
      lines.splice(index, 1);
      break;
    case 1:
      lines.splice(index, 0, draws.of(['', '{', '[]', 'null', '\u0000', '1e999', '"a"', deep(300, true)]));
      break;
    case 2:
      return mutateBytes(content, draws);
    default:
      lines[index] = mutateJson(Buffer.from(lines[index]), draws).toString('utf8');
  }
  return Buffer.from(lines.join('\n'));
}

export function mutateText(content, draws) {
  const text = content.toString('utf8');
  const at = draws.below(text.length + 1);
  const piece = draws.of([
    '\u0000',
    '\u001b[2J',
    '\ufeff',
    '\r\n',
    '"',
    '{',
    '}',
    '[',
    ':',
    '\t',
    ' '.repeat(5000),
    '-1',
    '1e999',
    'null',
    '__proto__',
    '\ud800',
    '&a *a',
    '!!js/function x',
    ...hostilePatterns.slice(0, 3),
  ]);
  switch (draws.below(4)) {
    case 0:
      return Buffer.from(text.slice(0, at));
    case 1:
      return Buffer.from(text.slice(0, at) + text.slice(at + 1 + draws.below(20)));
    case 2:
      return mutateBytes(content, draws);
    default:
      return Buffer.from(text.slice(0, at) + piece + text.slice(at));
  }
}

export function mutateBytes(content, draws) {
  if (content.length === 0) return Buffer.from([0xff]);
  const at = draws.below(content.length);
  switch (draws.below(5)) {
    case 0:
      return content.subarray(0, at);
    case 1:
      return Buffer.concat([content, Buffer.alloc(draws.of([1, 1000, 100_000]), draws.below(256))]);
    case 2:
      return Buffer.alloc(0);
    default: {
      const changed = Buffer.from(content);
      for (let flips = draws.of([1, 1, 3, 20]); flips > 0; flips -= 1)
        changed[draws.below(changed.length)] = draws.below(256);
      return changed;
    }
  }
}

/** Changes the header of a safetensors file by its structure, or its bytes. */
export function mutateSafetensors(content, draws) {
  if (content.length < 8 || draws.chance(0.25)) return mutateBytes(content, draws);
  const length = Number(content.readBigUInt64LE(0));
  if (length > content.length - 8) return mutateBytes(content, draws);
  const header = mutateJson(content.subarray(8, 8 + length), draws);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(draws.chance(0.05) ? draws.of([0n, 2n ** 63n, 2n ** 40n, 1n]) : BigInt(header.length));
  return Buffer.concat([size, header, content.subarray(8 + length)]);
}

/** Changes a PNG's size with its checksum put right, so that the decoder believes it, or its bytes. */
export function mutatePng(content, draws) {
  if (content.length < 33 || draws.chance(0.6)) return mutateBytes(content, draws);
  const changed = Buffer.from(content);
  changed.writeUInt32BE(draws.of([0, 1, 60_000, 2 ** 31 - 1, 20_000]), draws.of([16, 20]));
  // Node 20.9 has no crc32; without it the decoder sees a wrong checksum.
  changed.writeUInt32BE(zlib.crc32?.(changed.subarray(12, 29)) ?? 0, 29);
  return changed;
}

const mutators = [
  [/\.jsonl$/, mutateLines],
  [/\.(json|index)$/, mutateJson],
  [/\.safetensors$/, mutateSafetensors],
  [/\.png$/, mutatePng],
  [/\.(jpe?g|webp|gif|npy|bin)$/, mutateBytes],
];

/** The change that fits a file's name. */
export function mutateContent({ name, content, draws }) {
  const mutator = mutators.find(([pattern]) => pattern.test(name))?.[1] ?? mutateText;
  return mutator(content, draws);
}
