/** The wire types of protocol buffers that event files use. */
const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Writes the fields of one protocol buffer message. */
export class MessageWriter {
  readonly #parts: Uint8Array[] = [];

  /** A whole number from 0 on, up to 2⁵³ − 1. */
  varint(field: number, value: number): this {
    return this.#push(key(field, wire.varint), encodeVarint(value));
  }

  double(field: number, value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    return this.#push(key(field, wire.fixed64), bytes);
  }

  float(field: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return this.#push(key(field, wire.fixed32), bytes);
  }

  /** A text, or a message within the message. */
  bytes(field: number, value: string | Uint8Array): this {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    return this.#push(key(field, wire.bytes), encodeVarint(bytes.byteLength), bytes);
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#parts);
  }

  #push(...parts: Uint8Array[]): this {
    this.#parts.push(...parts);
    return this;
  }
}

function key(field: number, type: number): Uint8Array {
  return encodeVarint(field * 8 + type);
}

function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** A field as it was read; what it means depends on the message. */
export interface MessageField {
  field: number;
  /** Of a varint, a double or a float: the number. */
  number: number;
  /** Of a text or an inner message: its bytes. Otherwise empty. */
  bytes: Uint8Array;
}

/** The fields of a message in their order. Throws a `RangeError` where the bytes are no message. */
export function* readMessage(message: Uint8Array): Generator<MessageField> {
  const view = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = view.readUInt8(position++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (position < view.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const type = tag % 8;
    let number = 0;
    let bytes = view.subarray(0, 0);
    if (type === wire.varint) number = varint();
    else if (type === wire.fixed64) {
      number = view.readDoubleLE(position);
      position += 8;
    } else if (type === wire.fixed32) {
      number = view.readFloatLE(position);
      position += 4;
    } else if (type === wire.bytes) {
      const length = varint();
      if (position + length > view.length)
        throw new RangeError(`A field of ${length} bytes goes over the end of its message.`);
      bytes = view.subarray(position, position + length);
      position += length;
    } else throw new RangeError(`A field has the wire type ${type}, which is not used.`);
    yield { field, number, bytes };
  }
}
