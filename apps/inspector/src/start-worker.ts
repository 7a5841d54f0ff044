/** A worker for the page: from its own file, or, in a page that is one file, from the text within it. */
export function startWorker(): Worker {
  const inside = document.getElementById('subtext-worker');
  if (inside === null) return new Worker(new URL('./engine/worker.ts', import.meta.url), { type: 'module' });
  const source = new TextDecoder().decode(
    Uint8Array.from(atob(inside.textContent ?? ''), (character) => character.charCodeAt(0)),
  );
  const address = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  return new Worker(address);
}
