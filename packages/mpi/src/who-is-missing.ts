import type { MpiLibrary } from './library';
import { Requests } from './pending';

/** A reserved tag, so that no other message can be mistaken for it. */
const TAG = 32_001;
const ANSWER_MILLISECONDS = 3_000;

/**
 * Finds the ranks that do not respond. Processes that wait at the same point reach their deadline at about the same time, and
 * each sends a mark to all others and listens for theirs.
 */
export function whoIsMissing({
  library,
  rank,
  size,
  milliseconds = ANSWER_MILLISECONDS,
}: {
  library: MpiLibrary;
  rank: number;
  size: number;
  /** @default 3000 */
  milliseconds?: number;
}): number[] {
  const { functions, handles } = library;
  const type = handles.types.uint8;
  const mark = (peer: number, call: 'Isend' | 'Irecv') =>
    new Requests({
      library,
      arrays: [new Uint8Array(1)],
      start: (array, _index, request) => functions[call](array, 1, type, peer, TAG, handles.world, request),
      check: (result) => {
        if (result !== 0) throw new Error('cut off');
      },
      deadlineSeconds: 0,
      expired: () => {
        throw new Error('never');
      },
    });
  let waiting = new Map<number, Requests>();
  const missing: number[] = [];
  for (let peer = 0; peer < size; peer++) {
    if (peer === rank) continue;
    try {
      mark(peer, 'Isend');
      waiting.set(peer, mark(peer, 'Irecv'));
    } catch {
      missing.push(peer);
    }
  }
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const until = performance.now() + milliseconds;
  while (waiting.size > 0 && performance.now() < until) {
    waiting = new Map(
      [...waiting].filter(([peer, request]) => {
        try {
          return !request.done();
        } catch {
          missing.push(peer);
          return false;
        }
      }),
    );
    Atomics.wait(pause, 0, 0, 1);
  }
  return [...missing, ...waiting.keys()].sort((a, b) => a - b);
}
