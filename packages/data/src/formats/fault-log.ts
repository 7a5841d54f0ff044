import { printableLine } from '@subtext/core';
import { DataError } from '../errors';
import type { DataErrorCode } from '../errors';

/** The kinds of fault that a record can have. */
export type FaultKind =
  | 'json-malformed'
  | 'text-malformed'
  | 'record-malformed'
  | 'roles-wrong'
  | 'stage-missing'
  | 'stage-repeated'
  | 'stage-order-wrong'
  | 'stage-empty'
  | 'text-outside-stages'
  | 'answer-missing'
  | 'image-missing'
  | 'image-outside-folder'
  | 'image-broken'
  | 'images-several';

/** One fault of one record. */
export interface Fault {
  kind: FaultKind;
  file: string;
  /** Line, or record number in formats that are one JSON value; counted from 1. */
  line: number;
  message: string;
  /** False where the fault is only worth knowing and the record was kept. */
  dropped: boolean;
}

/** What a pass over a file met. */
export interface FaultReport {
  /** Records seen. */
  records: number;
  /** Examples given out. */
  examples: number;
  /** Examples left out for a fault. */
  dropped: number;
  /** How often each kind of fault was met. */
  counts: Partial<Record<FaultKind, number>>;
  /** The first faults, at most 100. */
  first: Fault[];
}

const listed = 100;

const codes: Partial<Record<FaultKind, DataErrorCode>> = {
  'image-missing': 'image-missing',
  'image-outside-folder': 'image-outside-folder',
  'image-broken': 'image-broken',
  'text-malformed': 'text-malformed',
};

/** Counts faults, or throws at the first when strict. */
export class FaultLog {
  readonly report: FaultReport = { records: 0, examples: 0, dropped: 0, counts: {}, first: [] };
  readonly #file: string;
  readonly #strict: boolean;
  readonly #onFault: ((fault: Fault) => void) | undefined;

  constructor(options: { file: string; strict: boolean; onFault?: (fault: Fault) => void }) {
    this.#file = options.file;
    this.#strict = options.strict;
    this.#onFault = options.onFault;
  }

  add(options: { kind: FaultKind; line: number; message: string; dropped?: boolean }): void {
    const { kind, line, dropped = true } = options;
    const message = printableLine(options.message);
    if (this.#strict)
      throw new DataError({
        code: codes[kind] ?? 'record-malformed',
        file: this.#file,
        line,
        message: `${message} (${kind})`,
      });
    const fault: Fault = { kind, file: this.#file, line, message, dropped };
    this.report.counts[kind] = (this.report.counts[kind] ?? 0) + 1;
    if (dropped) this.report.dropped += 1;
    if (this.report.first.length < listed) this.report.first.push(fault);
    this.#onFault?.(fault);
  }
}
