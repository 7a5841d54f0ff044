import { parseSafetensors } from '../parse';
import type { RandomAccessSource } from '../random-access';
import { openSafetensorsFrom } from '../safetensors-file';
import { SafetensorsError } from '../safetensors-error';
import { isValidFile } from './judge';
import { mutatedFile } from './mutation';
import { Random } from './random';

/** Result of a fuzzing run. */
export interface FuzzResult {
  /** Number of files tried. */
  count: number;
  /** Count of each outcome: `accepted`, or an error code. */
  outcomes: Record<string, number>;
  /** Files for which a check failed, with the reason. */
  findings: { case: number; reason: string; file: string }[];
  /** Longest time for one file, in milliseconds. */
  slowestMilliseconds: number;
  /** Largest buffer allocated for a file, as a fraction of the file size. */
  largestAllocationShare: number;
}

/**
 * Reads malformed files, from memory and through a source, and checks that a file is accepted exactly if an independent
 * validator accepts it; that every rejection is a `SafetensorsError`, the same both ways; that nothing is read outside
 * the file; and that no buffer larger than the file is allocated.
 */
export async function fuzz(options: {
  count: number;
  seed: number;
  onProgress?: (done: number) => void;
}): Promise<FuzzResult> {
  const { count, seed, onProgress } = options;
  const outcomes: Record<string, number> = {};
  const findings: FuzzResult['findings'] = [];
  let slowestMilliseconds = 0;
  let largestAllocationShare = 0;
  const HonestArrayBuffer = globalThis.ArrayBuffer;
  let largestAllocation = 0;
  globalThis.ArrayBuffer = new Proxy(HonestArrayBuffer, {
    construct(target, arguments_: [number]) {
      largestAllocation = Math.max(largestAllocation, arguments_[0]);
      return new target(...arguments_);
    },
  });
  try {
    for (let index = 0; index < count && findings.length < 10; index += 1) {
      const file = mutatedFile(new Random(Math.imul(seed, 0x85ebca6b) + index));
      const report = (reason: string): void => {
        findings.push({ case: index, reason, file: Buffer.from(file).toString('base64') });
      };
      largestAllocation = 0;
      const start = performance.now();
      const parsed = outcome(() => void parseSafetensors(file));
      const opened = await openedOutcome(file, report);
      slowestMilliseconds = Math.max(slowestMilliseconds, performance.now() - start);
      largestAllocationShare = Math.max(largestAllocationShare, largestAllocation / Math.max(file.byteLength, 1));
      if (parsed !== opened) report(`parseSafetensors: ${parsed}; openSafetensorsFrom: ${opened}`);
      if (parsed.startsWith('not typed')) report(parsed);
      if (largestAllocation > file.byteLength)
        report(`allocated ${largestAllocation} bytes for a file of ${file.byteLength}`);
      if ((parsed === 'accepted') !== isValidFile(file))
        report(`the reader: ${parsed}; the judge: ${isValidFile(file) ? 'valid' : 'not valid'}`);
      outcomes[parsed] = (outcomes[parsed] ?? 0) + 1;
      if ((index + 1) % 50_000 === 0) onProgress?.(index + 1);
    }
  } finally {
    globalThis.ArrayBuffer = HonestArrayBuffer;
  }
  return { count, outcomes, findings, slowestMilliseconds, largestAllocationShare };
}

function outcome(run: () => void): string {
  try {
    run();
    return 'accepted';
  } catch (error) {
    return SafetensorsError.isInstance(error) ? error.code : `not typed: ${String(error)}`;
  }
}

async function openedOutcome(file: Uint8Array, report: (reason: string) => void): Promise<string> {
  const source: RandomAccessSource = {
    byteLength: file.byteLength,
    async read({ position, into }) {
      if (position < 0 || position + into.byteLength > file.byteLength)
        report(`read bytes ${position}…${position + into.byteLength}`);
      into.set(file.subarray(position, position + into.byteLength));
    },
    close: async () => {},
  };
  try {
    const opened = await openSafetensorsFrom(source);
    for (const name of opened.names) {
      const { data } = await opened.read(name);
      if (data.byteLength !== opened.entry(name).byteLength) report(`${name} came with ${data.byteLength} bytes`);
    }
    return 'accepted';
  } catch (error) {
    return SafetensorsError.isInstance(error) ? error.code : `not typed: ${String(error)}`;
  }
}
