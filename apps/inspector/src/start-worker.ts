import type { EngineInfo } from './engine/protocol';

/** A worker for an engine: from its own file, or, in a page that is one file, from the text within it. */
export function startWorker(engine: EngineInfo['engine']): Worker {
  const inside = document.getElementById('subtext-worker');
  if (inside === null)
    return engine === 'wasm'
      ? new Worker(new URL('./engine/worker.ts', import.meta.url), { type: 'module' })
      : new Worker(new URL('./engine/webgpu-worker.ts', import.meta.url), { type: 'module' });
  const source = new TextDecoder().decode(
    Uint8Array.from(atob(inside.textContent ?? ''), (character) => character.charCodeAt(0)),
  );
  const address = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  return new Worker(address);
}
