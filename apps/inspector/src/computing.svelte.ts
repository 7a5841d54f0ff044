import type { Graphics } from '@subtext/engine-webgpu/adapter';

import { chooseEngine, type Wanted } from './choose-engine';
import type { Engine } from './engine/client';
import type { EngineInfo } from './engine/protocol';
import { startWorker } from './start-worker';

/** What computes: chosen once, when the first model is opened. */
export class Computing {
  readonly #engine: Engine;
  readonly wanted: Wanted;
  /** Null before there is anything to compute. */
  info = $state.raw<EngineInfo | null>(null);
  why = $state('');

  constructor({ engine, wanted }: { engine: Engine; wanted: Wanted }) {
    this.#engine = engine;
    this.wanted = wanted;
  }

  /** Starts the worker for models of so many bytes of weights. */
  async start(bytes: number): Promise<void> {
    const { gpu } = navigator as Navigator & { gpu?: Graphics };
    const { engine, why } = await chooseEngine({ wanted: this.wanted, bytes, graphics: gpu });
    this.#engine.start(startWorker(engine));
    // What is asked meanwhile waits in the worker: the models' files are read at the same time.
    void this.#engine.call('start', { engine }).then(
      (info) => {
        this.info = info;
        this.why = info.fault === null ? why : `WebGPU did not start: ${info.fault}`;
      },
      (error: Error) => (this.why = error.message),
    );
  }
}
