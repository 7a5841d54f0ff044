import type { RandomAccessSource } from '../random-access';
import { allocate } from '../safetensors-file';
import { quoted, SafetensorsError } from '../safetensors-error';

/** An uncompressed file in an archive. */
export interface StoredFile {
  /** Offset of its first byte in the archive. */
  position: number;
  byteLength: number;
}

const endBytes = 22;
const locatorBytes = 20;
const longestComment = 65_535;
/** Maximum size of the central directory, in bytes; 100,000 tensors take a tenth of it. */
const maximumDirectoryBytes = 64 * 2 ** 20;

const signatures = { local: 0x04034b50, entry: 0x02014b50, end: 0x06054b50, end64: 0x06064b50, locator: 0x07064b50 };

const damaged = (message: string) => new SafetensorsError({ code: 'invalid-archive', message });

interface Entry {
  local: number;
  byteLength: number;
}

/** Central directory of a zip archive as written by PyTorch: a single file, stored without compression. */
export class ZipDirectory {
  readonly #source: RandomAccessSource;
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(source: RandomAccessSource, entries: ReadonlyMap<string, Entry>) {
    this.#source = source;
    this.#entries = entries;
  }

  /** @throws SafetensorsError `invalid-archive`, `duplicate-name`, `truncated` */
  static async read(source: RandomAccessSource): Promise<ZipDirectory> {
    const { position, byteLength, count } = await findDirectory(source);
    return new ZipDirectory(source, readEntries(await readBytes(source, position, byteLength), count));
  }

  get names(): Iterable<string> {
    return this.#entries.keys();
  }

  /** Locates a file; undefined if there is none of that name. @throws SafetensorsError `invalid-archive` */
  async find(name: string): Promise<StoredFile | undefined> {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const header = new DataView((await readBytes(this.#source, entry.local, 30)).buffer);
    if (header.getUint32(0, true) !== signatures.local)
      throw damaged(`${quoted(name)} is not where the archive's directory says`);
    const position = entry.local + 30 + header.getUint16(26, true) + header.getUint16(28, true);
    if (position + entry.byteLength > this.#source.byteLength)
      throw damaged(
        `${quoted(name)} is listed with ${entry.byteLength} bytes from byte ${position}; the file has ${this.#source.byteLength}`,
      );
    return { position, byteLength: entry.byteLength };
  }

  /** Reads a whole file. @throws SafetensorsError `invalid-archive` if it is larger than `maximumBytes` */
  async bytes(name: string, maximumBytes: number): Promise<Uint8Array | undefined> {
    const file = await this.find(name);
    if (file === undefined) return undefined;
    if (file.byteLength > maximumBytes)
      throw damaged(`${quoted(name)} has ${file.byteLength} bytes; the limit is ${maximumBytes}`);
    return readBytes(this.#source, file.position, file.byteLength);
  }
}

async function readBytes(
  source: RandomAccessSource,
  position: number,
  byteLength: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (position < 0 || position + byteLength > source.byteLength)
    throw damaged(`its directory points to byte ${position + byteLength}; the file has ${source.byteLength}`);
  const into = new Uint8Array(allocate(byteLength, source.label));
  if (byteLength > 0) await source.read({ position, into });
  return into;
}

/** Locates the central directory from the 32-bit or 64-bit end record. */
async function findDirectory(
  source: RandomAccessSource,
): Promise<{ position: number; byteLength: number; count: number }> {
  const tailBytes = Math.min(source.byteLength, endBytes + longestComment + locatorBytes);
  const tailStart = source.byteLength - tailBytes;
  const tail = new DataView((await readBytes(source, tailStart, tailBytes)).buffer);
  let at = tailBytes - endBytes;
  while (
    at >= 0 &&
    !(tail.getUint32(at, true) === signatures.end && at + endBytes + tail.getUint16(at + 20, true) <= tailBytes)
  )
    at--;
  if (at < 0)
    throw new SafetensorsError({
      code: 'truncated',
      message:
        'it starts like a PyTorch checkpoint but has no end: the file was cut short, or its download was interrupted',
    });
  let count = tail.getUint16(at + 10, true);
  let byteLength = tail.getUint32(at + 12, true);
  let position = tail.getUint32(at + 16, true);
  const locator = at - locatorBytes;
  if (locator >= 0 && tail.getUint32(locator, true) === signatures.locator) {
    const end = new DataView((await readBytes(source, safe(tail.getBigUint64(locator + 8, true)), 56)).buffer);
    if (end.getUint32(0, true) !== signatures.end64) throw damaged('its 64-bit directory is not where the file says');
    count = safe(end.getBigUint64(32, true));
    byteLength = safe(end.getBigUint64(40, true));
    position = safe(end.getBigUint64(48, true));
  }
  if (byteLength > maximumDirectoryBytes)
    throw damaged(`its directory has ${byteLength} bytes; the limit is ${maximumDirectoryBytes}`);
  return { position, byteLength, count };
}

function readEntries(bytes: Uint8Array<ArrayBuffer>, count: number): Map<string, Entry> {
  const view = new DataView(bytes.buffer);
  const text = new TextDecoder('utf-8');
  const entries = new Map<string, Entry>();
  for (let at = 0; entries.size < count;) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== signatures.entry)
      throw damaged(`its directory has ${entries.size} of the ${count} files that it declares`);
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true)) as [
      number,
      number,
      number,
    ];
    const next = at + 46 + nameBytes + extraBytes + commentBytes;
    if (next > bytes.length) throw damaged('its directory ends within an entry');
    const name = text.decode(bytes.subarray(at + 46, at + 46 + nameBytes));
    const sizes = wideSizes({
      view,
      from: at + 46 + nameBytes,
      to: at + 46 + nameBytes + extraBytes,
      sizes: [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)],
    });
    const [byteLength, packedLength, local] = sizes;
    if ((flags & 1) !== 0) throw damaged(`${quoted(name)} is encrypted`);
    // PyTorch never compresses, and without decompression there are no zip bombs.
    if (method !== 0 || packedLength !== byteLength)
      throw damaged(`${quoted(name)} is compressed, which torch.save never does: save the checkpoint again with it`);
    if (entries.has(name))
      throw new SafetensorsError({ code: 'duplicate-name', message: `the archive has ${quoted(name)} twice` });
    entries.set(name, { local, byteLength });
    at = next;
  }
  return entries;
}

/** Sizes and position of an entry; values that do not fit 32 bits are in its extra fields, in order. */
function wideSizes({
  view,
  from,
  to,
  sizes,
}: {
  view: DataView;
  from: number;
  to: number;
  sizes: [number, number, number];
}): [number, number, number] {
  if (!sizes.includes(0xffffffff)) return sizes;
  for (let at = from; at + 4 <= to; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    let field = at + 4;
    const end = Math.min(to, field + view.getUint16(at + 2, true));
    return sizes.map((size) => {
      if (size !== 0xffffffff) return size;
      if (field + 8 > end) throw damaged('an entry of its directory lacks a 64-bit size');
      field += 8;
      return safe(view.getBigUint64(field - 8, true));
    }) as [number, number, number];
  }
  return sizes;
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(`its directory refers to byte ${value}`);
  return Number(value);
}
