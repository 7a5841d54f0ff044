/** What a PNG's header says. */
export interface PngHeader {
  width: number;
  height: number;
  depth: number;
  /** 0 grey, 2 colour, 3 palette, 4 grey and alpha, 6 colour and alpha. */
  colour: number;
  interlaced: boolean;
}

/** Takes a row's bytes; which pixels of the picture they are. */
export type OnPngRow = (row: Uint8Array, pixels: { left: number; top: number; across: number; width: number }) => void;

/** Values a pixel, by kind of colour. */
export const pngChannels: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** One of the pictures that an interlaced PNG is sent as: first pixel and distance of pixels. */
interface Pass {
  left: number;
  top: number;
  across: number;
  down: number;
  width: number;
  height: number;
  rowBytes: number;
}

const interlacing = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

function passesOf({ width, height, depth, colour, interlaced }: PngHeader): Pass[] {
  const bits = depth * pngChannels[colour]!;
  return (interlaced ? interlacing : ([[0, 0, 1, 1]] as const)).flatMap(([left, top, across, down]) => {
    const pass = {
      left,
      top,
      across,
      down,
      width: Math.ceil((width - left) / across),
      height: Math.ceil((height - top) / down),
    };
    return pass.width < 1 || pass.height < 1 ? [] : [{ ...pass, rowBytes: Math.ceil((pass.width * bits) / 8) }];
  });
}

/** Undoes a row's filter in place (PNG, section 9), with the row before it, or zeros. */
function unfilter(options: { kind: number; row: Uint8Array; before: Uint8Array; distance: number }): boolean {
  const { kind, row, before, distance } = options;
  switch (kind) {
    case 0:
      return true;
    case 1:
      for (let at = distance; at < row.length; at += 1) row[at] = row[at]! + row[at - distance]!;
      return true;
    case 2:
      for (let at = 0; at < row.length; at += 1) row[at] = row[at]! + before[at]!;
      return true;
    case 3:
      for (let at = 0; at < row.length; at += 1)
        row[at] = row[at]! + (((at < distance ? 0 : row[at - distance]!) + before[at]!) >> 1);
      return true;
    case 4:
      for (let at = 0; at < row.length; at += 1) {
        const a = at < distance ? 0 : row[at - distance]!;
        const b = before[at]!;
        const c = at < distance ? 0 : before[at - distance]!;
        const toA = Math.abs(b - c);
        const toB = Math.abs(a - c);
        const toC = Math.abs(a + b - 2 * c);
        row[at] = row[at]! + (toA <= toB && toA <= toC ? a : toB <= toC ? b : c);
      }
      return true;
    default:
      return false;
  }
}

/**
 * Takes the inflated bytes of a PNG piece by piece and hands out its rows, filters undone: nothing but one row is held,
 * however large the picture.
 */
export class PngRows {
  /** All bytes that the rows take. */
  readonly bytes: number;
  readonly #passes: Pass[];
  readonly #distance: number;
  readonly #onRow: OnPngRow;
  #pass = 0;
  #row = 0;
  #filled = 0;
  #current = new Uint8Array(0);
  #before = new Uint8Array(0);

  constructor(header: PngHeader, onRow: OnPngRow) {
    this.#passes = passesOf(header);
    this.#distance = Math.max(1, (header.depth * pngChannels[header.colour]!) >> 3);
    this.#onRow = onRow;
    this.bytes = this.#passes.reduce((sum, { height, rowBytes }) => sum + height * (rowBytes + 1), 0);
    this.#startPass();
  }

  get done(): boolean {
    return this.#pass === this.#passes.length;
  }

  /** Takes bytes; those after the last row are passed over. Gives what is wrong, if something is. */
  push(bytes: Uint8Array): string | undefined {
    for (let at = 0; at < bytes.length && !this.done;) {
      const length = Math.min(this.#current.length - this.#filled, bytes.length - at);
      this.#current.set(bytes.subarray(at, at + length), this.#filled);
      this.#filled += length;
      at += length;
      if (this.#filled < this.#current.length) return undefined;
      const pass = this.#passes[this.#pass]!;
      const row = this.#current.subarray(1);
      const kind = this.#current[0]!;
      if (!unfilter({ kind, row, before: this.#before.subarray(1), distance: this.#distance }))
        return `a row has the unknown filter ${kind}`;
      this.#onRow(row, {
        left: pass.left,
        top: pass.top + this.#row * pass.down,
        across: pass.across,
        width: pass.width,
      });
      [this.#current, this.#before] = [this.#before, this.#current];
      this.#filled = 0;
      this.#row += 1;
      if (this.#row === pass.height) {
        this.#pass += 1;
        this.#startPass();
      }
    }
    return undefined;
  }

  #startPass(): void {
    const pass = this.#passes[this.#pass];
    this.#row = 0;
    this.#filled = 0;
    this.#current = new Uint8Array((pass?.rowBytes ?? 0) + 1);
    this.#before = new Uint8Array((pass?.rowBytes ?? 0) + 1);
  }
}
