import type { ReasoningExample } from '../reasoning-example';
import type { FileLimits } from './data-file';
import { FaultLog } from './fault-log';
import type { Fault, FaultReport } from './fault-log';

/** What every reader can be told. */
export interface ReadOptions extends FileLimits {
  /** Throw a DataError at the first fault, instead of leaving the record out and counting it. @default false */
  strict?: boolean;
  /** Stop after this many examples. @default Infinity */
  limit?: number;
  /** Called at each fault, as it is met. */
  onFault?: (fault: Fault) => void;
}

/**
 * Examples read one by one as they are asked for; may be iterated again, which reads again.
 * A missing or unreadable file is thrown at the first step of the iteration.
 */
export class ExampleStream<Example extends ReasoningExample = ReasoningExample> implements AsyncIterable<Example> {
  /** What the current or last pass met. */
  faults: FaultReport;
  readonly #open: (log: FaultLog) => AsyncIterable<Example>;
  readonly #options: ReadOptions & { file: string };

  constructor(options: ReadOptions & { file: string; open: (log: FaultLog) => AsyncIterable<Example> }) {
    const { open, ...rest } = options;
    this.#open = open;
    this.#options = rest;
    this.faults = new FaultLog({ file: rest.file, strict: false }).report;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Example> {
    const { file, strict = false, limit = Infinity, onFault } = this.#options;
    const log = new FaultLog({ file, strict, ...(onFault ? { onFault } : {}) });
    this.faults = log.report;
    if (limit <= 0) return;
    for await (const example of this.#open(log)) {
      log.report.examples += 1;
      yield example;
      if (log.report.examples >= limit) return;
    }
  }

  /** All examples at once: for sets that fit in memory. */
  async toArray(): Promise<Example[]> {
    const examples: Example[] = [];
    for await (const example of this) examples.push(example);
    return examples;
  }
}
