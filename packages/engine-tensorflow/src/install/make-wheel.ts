import { createHash } from 'node:crypto';

/** For tests: a Python wheel (a zip of stored files with a RECORD) in memory. */
export function makeWheel(
  files: Record<string, string>,
  { spoil }: { /** gets a wrong checksum */ spoil?: string } = {},
): Buffer {
  const record = Object.entries(files).map(
    ([name, text]) =>
      `${name},sha256=${createHash('sha256')
        .update(name === spoil ? `${text}?` : text)
        .digest('base64url')},${text.length}`,
  );
  const all = { ...files, 'example-1.0.dist-info/RECORD': `${record.join('\n')}\nexample-1.0.dist-info/RECORD,,\n` };
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(all)) {
    const bytes = Buffer.from(text);
    const title = Buffer.from(name);
    // Version needed, flags, method 0 (stored), time, date, CRC, both sizes, name length, extra length.
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt32LE(crc32(bytes), 10);
    shared.writeUInt32LE(bytes.length, 14);
    shared.writeUInt32LE(bytes.length, 18);
    shared.writeUInt16LE(title.length, 22);
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), shared, title, bytes);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), shared, rest, title);
    offset += 30 + title.length + bytes.length;
  }
  const index = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(Object.keys(all).length, 8);
  end.writeUInt16LE(Object.keys(all).length, 10);
  end.writeUInt32LE(index.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, index, end]);
}

function crc32(bytes: Buffer): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
  }
  return ~crc >>> 0;
}
