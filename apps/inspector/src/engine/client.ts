import type { Reply, Work } from './protocol';

export type Progress = (progress: { done: number; total: number }) => void;

/** The worker, as functions that promise what it gives. */
export class Engine {
  #worker: Worker | null = null;
  readonly #waiting = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void; onProgress?: Progress }
  >();
  #next = 0;

  get started(): boolean {
    return this.#worker !== null;
  }

  /** Takes a worker, before anything is called. */
  start(worker: Worker): void {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      const waiting = this.#waiting.get(data.id);
      if (waiting === undefined) return;
      if ('progress' in data) return waiting.onProgress?.(data.progress);
      this.#waiting.delete(data.id);
      if ('error' in data) waiting.reject(new Error(data.error));
      else waiting.resolve(data.result);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      for (const { reject } of this.#waiting.values())
        reject(new Error(`The worker stopped: ${event.message || 'it could not be started'}.`));
      this.#waiting.clear();
    };
  }

  call<Name extends keyof Work>(
    name: Name,
    options: Parameters<Work[Name]>[0],
    onProgress?: Progress,
  ): Promise<ReturnType<Work[Name]>> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      if (this.#worker === null) return reject(new Error('No worker has been started.'));
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject, onProgress });
      this.#worker.postMessage({ id, name, options });
    });
  }
}
