import { explainMemory } from './out-of-memory';
import type { ValidationBatches } from './train-options';
import type { TrainingEngine } from './training-engine';

/** The loss over the held-out examples, without a gradient. */
export async function validate({
  engine,
  validation,
  where,
  checkpoint,
}: {
  engine: TrainingEngine;
  validation: ValidationBatches;
  where: string;
  checkpoint: number | undefined;
}): Promise<number> {
  let loss = 0;
  for (let index = 0; index < validation.count; index++) {
    loss += await engine.evaluate({ shards: await validation.source.batch(index) }).catch((error: unknown) => {
      throw explainMemory({ error, where: `the validation after ${where}`, checkpoint });
    });
  }
  return loss / validation.count;
}
