import { TrainerError } from '../errors';

/** Node's own codes, TensorFlow's, our engines', and what WebAssembly's and V8's allocators say. */
const signs =
  /out[- ]of[- ]memory|OOM|allocation failed|resource.?exhausted|cannot enlarge memory|could not allocate|ERR_WORKER_OUT_OF_MEMORY|invalid (typed )?array (buffer )?length/i;

/** Whether an error says that memory has run out. */
function isOutOfMemory(error: unknown): boolean {
  for (let one = error, depth = 0; one instanceof Error && depth < 5; one = one.cause, depth++) {
    if (
      'code' in one &&
      /^(out-of-memory|ERR_WORKER_OUT_OF_MEMORY|ERR_MEMORY_ALLOCATION_FAILED)$/.test(String(one.code))
    )
      return true;
    if (signs.test(one.message)) return true;
  }
  return false;
}

/** `out-of-memory` with the place and what to lower, for an error that says so; any other error as it is. */
export function explainMemory({
  error,
  where,
  checkpoint,
}: {
  error: unknown;
  /** For example `step 12 (phase "text")`. */
  where: string;
  /** Step of the newest checkpoint. @default none has been written */
  checkpoint?: number;
}): unknown {
  if (!isOutOfMemory(error)) return error;
  const cause = error instanceof Error ? error.message : String(error);
  const kept =
    checkpoint === undefined
      ? 'No checkpoint has been written yet: the run begins anew when it is started again.'
      : `The checkpoint of step ${checkpoint} is whole; the run resumes from it, with fewer workers too. Another batch size makes it another run.`;
  return new TrainerError({
    code: 'out-of-memory',
    message:
      `Memory ran out at ${where}: ${cause.replace(/\.$/, '')}. Lower the batch size or the length of the examples, cut batches into more shards ` +
      `(each is computed by itself), start fewer workers, take a smaller model or a low-rank adapter, or the engine tensorflow, which has all of the machine's memory. ${kept}`,
    cause: error,
  });
}
