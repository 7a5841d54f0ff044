import { maskedCrc32c } from './crc32c';
import { MessageWriter, readMessage } from './protobuf';

/** One event of a TensorBoard file: scalars of a step. */
export interface ScalarEvent {
  /** Seconds since 1970. */
  wallTime: number;
  step: number;
  /** By tag; held as float32. */
  scalars: Readonly<Record<string, number>>;
}

/** What begins every event file: `file_version` of the first event. */
const fileVersion = 'brain.Event:2';

/** Field numbers of `Event`, `Summary` and `Summary.Value` (tensorboard/compat/proto/event.proto, summary.proto). */
const fields = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, value: 1, tag: 1, simpleValue: 2 } as const;

/**
 * A record as TensorFlow's record writer frames it: the length (8 bytes), its masked CRC-32C (4), the data, the data's
 * masked CRC-32C (4); little-endian.
 */
function frameRecord(data: Uint8Array): Uint8Array {
  const header = Buffer.alloc(12);
  header.writeBigUInt64LE(BigInt(data.byteLength));
  header.writeUInt32LE(maskedCrc32c(header.subarray(0, 8)), 8);
  const footer = Buffer.alloc(4);
  footer.writeUInt32LE(maskedCrc32c(data));
  return Buffer.concat([header, data, footer]);
}

/** The record that an event file begins with. */
export function versionRecord({ wallTime }: { /** Seconds since 1970. */ wallTime: number }): Uint8Array {
  return frameRecord(
    new MessageWriter().double(fields.wallTime, wallTime).bytes(fields.fileVersion, fileVersion).finish(),
  );
}

/** The record of an event. */
export function scalarRecord({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  const summary = new MessageWriter();
  for (const [tag, value] of Object.entries(scalars)) {
    summary.bytes(fields.value, new MessageWriter().bytes(fields.tag, tag).float(fields.simpleValue, value).finish());
  }
  const event = new MessageWriter().double(fields.wallTime, wallTime);
  // As protocol buffers have it, a 0 is left out.
  if (step !== 0) event.varint(fields.step, step);
  return frameRecord(event.bytes(fields.summary, summary.finish()).finish());
}

/** An event as it stands in a file. */
export interface ReadEvent extends ScalarEvent {
  /** Of the first event of a file. */
  fileVersion?: string;
  /** Where its record ends in the file, in bytes. */
  end: number;
}

/** The events at the beginning of a file, up to the first record that is torn or broken. */
export function readEvents(file: Uint8Array): ReadEvent[] {
  const view = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const events: ReadEvent[] = [];
  let position = 0;
  while (position + 12 <= view.length) {
    const length = Number(view.readBigUInt64LE(position));
    const end = position + 12 + length + 4;
    if (view.readUInt32LE(position + 8) !== maskedCrc32c(view.subarray(position, position + 8)) || end > view.length)
      break;
    const data = view.subarray(position + 12, position + 12 + length);
    if (view.readUInt32LE(end - 4) !== maskedCrc32c(data)) break;
    const event = readEvent(data);
    if (event === undefined) break;
    events.push({ ...event, end });
    position = end;
  }
  return events;
}

function readEvent(data: Uint8Array): Omit<ReadEvent, 'end'> | undefined {
  const event: Omit<ReadEvent, 'end'> & { scalars: Record<string, number> } = { wallTime: 0, step: 0, scalars: {} };
  try {
    for (const { field, number, bytes } of readMessage(data)) {
      if (field === fields.wallTime) event.wallTime = number;
      else if (field === fields.step) event.step = number;
      else if (field === fields.fileVersion) event.fileVersion = Buffer.from(bytes).toString();
      else if (field === fields.summary) {
        for (const value of readMessage(bytes)) {
          if (value.field !== fields.value) continue;
          let tag = '';
          let scalar: number | undefined;
          for (const part of readMessage(value.bytes)) {
            if (part.field === fields.tag) tag = Buffer.from(part.bytes).toString();
            else if (part.field === fields.simpleValue) scalar = part.number;
          }
          if (scalar !== undefined) event.scalars[tag] = scalar;
        }
      }
    }
  } catch {
    // A record with a right checksum that is no event: another program's.
    return undefined;
  }
  return event;
}
