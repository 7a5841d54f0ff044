import type { Engine } from './engine/client';
import type { Work } from './engine/protocol';

/** What takes a while: what it is, how far it has come, and what went wrong. */
export class LongWork {
  readonly #engine: Engine;
  /** Null where nothing does. */
  what = $state<string | null>(null);
  progress = $state<{ done: number; total: number } | null>(null);
  error = $state<string | null>(null);

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Calls the worker, and shows how far it is. */
  async call<Name extends keyof Work>(
    what: string,
    name: Name,
    options: Parameters<Work[Name]>[0],
  ): Promise<ReturnType<Work[Name]>> {
    this.what = what;
    try {
      return await this.#engine.call(name, options, (progress) => (this.progress = progress));
    } finally {
      this.what = null;
      this.progress = null;
    }
  }

  /** Does what may go wrong, and says so where it does. */
  async doing(what: string, run: () => Promise<void>): Promise<void> {
    this.what = what;
    this.error = null;
    try {
      await run();
    } catch (error) {
      this.error = (error as Error).message;
    } finally {
      this.what = null;
    }
  }
}
