import { ModelError } from '../model-error';

/** Throws unless a mask has a row of `time` zeros and ones for each row of the batch. */
export function checkRowMask({
  what,
  mask,
  batch,
  time,
}: {
  what: string;
  mask: readonly (readonly number[] | Int32Array)[];
  batch: number;
  time: number;
}): void {
  const fail = (message: string): never => {
    throw new ModelError({
      code: 'invalid-option',
      message: `${what} must have ${batch} rows of ${time} values, each 0 or 1: ${message}`,
    });
  };
  if (mask.length !== batch) fail(`it has ${mask.length} rows.`);
  for (const [row, values] of mask.entries()) {
    if (values.length !== time) fail(`row ${row} has ${values.length}.`);
    const odd = values.findIndex((value) => value !== 0 && value !== 1);
    if (odd >= 0) fail(`row ${row} holds ${values[odd]} at position ${odd}.`);
  }
}
