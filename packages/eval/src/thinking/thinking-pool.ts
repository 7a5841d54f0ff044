import { startWorkers, type WorkerPool } from '@subtext/core/node';
import type { ExplanationRequest } from '@subtext/decoder';
import type { Answer } from '@subtext/reasoner';
import { engineName } from '@subtext/tensor';

import {
  createThinkingTask,
  type PostedQuestion,
  type ThinkingTask,
  type ThinkingWorkerOptions,
  type ThinkRequest,
} from './thinking-worker';

/** Items a worker takes at a time. */
const DEFAULT_BATCH = 64;

/** The built module; sources run only in tests, which take the built one too. */
function workerModule(): string {
  return new URL(
    import.meta.url.endsWith('.ts') ? '../../dist/thinking-worker.js' : './thinking-worker.js',
    import.meta.url,
  ).href;
}

/** Answers questions and explains thoughts on several threads, each with its own copy of the models. */
export class ThinkingPool {
  readonly #pool?: WorkerPool;
  readonly #local?: ThinkingTask;

  private constructor({ pool, local }: { pool?: WorkerPool; local?: ThinkingTask }) {
    this.#pool = pool;
    this.#local = local;
  }

  /** Loads the models in every thread. */
  static async start({
    workers,
    ...options
  }: ThinkingWorkerOptions & { /** Threads; 0 computes in this thread. */ workers: number }): Promise<ThinkingPool> {
    if (workers === 0) return new ThinkingPool({ local: await createThinkingTask(options) });
    const pool = await startWorkers({
      count: workers,
      start: () => ({ module: workerModule(), options: { ...options, engine: engineName() } }),
    });
    return new ThinkingPool({ pool });
  }

  /** Answers in the order of the questions. */
  think({
    questions,
    batchSize = DEFAULT_BATCH,
    onProgress,
    signal,
    ...options
  }: Omit<ThinkRequest, 'questions'> & {
    questions: readonly PostedQuestion[];
    /** Questions a thread answers side by side. @default 64 */
    batchSize?: number;
    onProgress?: (options: { done: number; total: number }) => void;
    signal?: AbortSignal;
  }): Promise<Answer[]> {
    return this.#spread({
      items: questions,
      batchSize,
      onProgress,
      signal,
      method: 'think',
      payload: (part) => ({ ...options, questions: part }),
    });
  }

  /** Explanations in the order of the requests. */
  explain({
    interpreter,
    requests,
    batchSize = DEFAULT_BATCH,
    signal,
  }: {
    /** Place of the interpreter in the pool's options. */
    interpreter: number;
    requests: readonly ExplanationRequest[];
    /** @default 64 */
    batchSize?: number;
    signal?: AbortSignal;
  }): Promise<string[]> {
    return this.#spread({
      items: requests,
      batchSize,
      signal,
      method: 'explain',
      payload: (part) => ({ interpreter, requests: part }),
    });
  }

  async close(): Promise<void> {
    await this.#pool?.close();
  }

  /** Gives each thread the next part when it is done with one. */
  async #spread<Item, Result>({
    items,
    batchSize,
    method,
    payload,
    onProgress,
    signal,
  }: {
    items: readonly Item[];
    batchSize: number;
    method: keyof ThinkingTask;
    payload: (part: readonly Item[]) => unknown;
    onProgress?: (options: { done: number; total: number }) => void;
    signal?: AbortSignal;
  }): Promise<Result[]> {
    const parts = Array.from({ length: Math.ceil(items.length / batchSize) }, (_, index) =>
      items.slice(index * batchSize, (index + 1) * batchSize),
    );
    const results: Result[][] = new Array(parts.length);
    let next = 0;
    let done = 0;
    const run = async (worker: number) => {
      while (next < parts.length) {
        signal?.throwIfAborted();
        const index = next++;
        const part = payload(parts[index]!);
        results[index] = this.#pool
          ? await this.#pool.call<Result[]>({ worker, method, payload: part })
          : ((await this.#local![method](part as never)) as Result[]);
        done += parts[index]!.length;
        onProgress?.({ done, total: items.length });
      }
    };
    await Promise.all(Array.from({ length: this.#pool?.size ?? 1 }, (_, worker) => run(worker)));
    return results.flat();
  }
}
