/**
 * An independent validator, written separately from the reader: it tokenizes the text with one regular expression,
 * leaves the syntax to `JSON.parse`, and looks for repeated keys and invalid numbers among the tokens.
 */
const dtypeBytes: Record<string, number> = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** Whether the reader should accept this file. */
export function isValidFile(file: Uint8Array): boolean {
  if (file.byteLength < 8) return false;
  const length = new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true);
  if (length > 100_000_000n || length > BigInt(file.byteLength - 8)) return false;
  const bytes = file.subarray(8, 8 + Number(length));
  const dataBytes = file.byteLength - 8 - Number(length);
  let text: string;
  let header: Record<string, Record<string, unknown>>;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text) as typeof header;
  } catch {
    return false;
  }
  if (!text.startsWith('{') || !tokensAreAllowed(text)) return false;

  const ranges: [number, number][] = [];
  for (const [name, value] of Object.entries(header)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    if (name === '__metadata__') {
      if (!Object.values(value).every((item) => typeof item === 'string')) return false;
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = value;
    if (typeof dtype !== 'string' || !Object.keys(dtypeBytes).includes(dtype)) return false;
    if (!isCountList(shape) || shape.length > 64 || !isCountList(offsets) || offsets.length !== 2) return false;
    const bigSize = shape.reduce((product, dimension) => product * BigInt(dimension), 1n) * BigInt(dtypeBytes[dtype]!);
    // Partial products must not overflow, even if a later dimension is zero.
    let running = 1n;
    for (const dimension of shape) {
      running *= BigInt(dimension);
      if (running > BigInt(Number.MAX_SAFE_INTEGER)) return false;
    }
    if (BigInt(offsets[1]!) - BigInt(offsets[0]!) !== bigSize) return false;
    ranges.push([offsets[0]!, offsets[1]!]);
  }
  // Valid if the ranges tile the data: the lengths add up, and each start is 0 or the end of another.
  const total = ranges.reduce((sum, [begin, end]) => sum + (end - begin), 0);
  if (total !== dataBytes) return false;
  const filled = ranges.filter(([begin, end]) => end > begin).sort(([a], [b]) => a - b);
  const joints = new Set([0, ...filled.map(([, end]) => end)]);
  return (
    filled.every(([begin], index) => begin === (filled[index - 1]?.[1] ?? 0)) &&
    ranges.every(([begin]) => joints.has(begin))
  );
}

function isCountList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
}

interface Level {
  keys: Set<string> | undefined;
  /** The key whose value is being read. */
  key: string;
}

/** No duplicate keys, no lone surrogates, shapes and offsets in plain digits, limited nesting. */
function tokensAreAllowed(text: string): boolean {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/gs) ?? [];
  const levels: Level[] = [];
  for (const [index, token] of tokens.entries()) {
    const level = levels.at(-1);
    if (token === '{' || token === '[') {
      levels.push({ keys: token === '{' ? new Set() : undefined, key: level?.key ?? '' });
      // Two levels lead to a tensor's fields; an unread field may nest 64 deep.
      if (levels.length > 2 + 64) return false;
    } else if (token === '}' || token === ']') {
      levels.pop();
    } else if (token.startsWith('"')) {
      const value = JSON.parse(token) as string;
      // Valid UTF-8 can't contain a raw lone surrogate, only an escaped one.
      if (token.includes('\\') && /\p{Surrogate}/u.test(value)) return false;
      if (tokens[index + 1] === ':' && level?.keys !== undefined) {
        // Duplicate keys are allowed inside unknown fields, which are skipped.
        if (levels.length <= 2 && level.keys.has(value)) return false;
        level.keys.add(value);
        level.key = value;
      }
    } else if (
      /^[-\d]/.test(token) &&
      levels.length === 3 &&
      level!.keys === undefined &&
      /^(shape|data_offsets)$/.test(level!.key)
    ) {
      if (!/^\d+$/.test(token)) return false;
    }
  }
  return true;
}
