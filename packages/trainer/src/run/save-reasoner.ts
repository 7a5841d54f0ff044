import { addLora, type LoraSettings, mergeLora, saveAdapter } from '@subtext/nn';
import type { Reasoner } from '@subtext/reasoner';
import { join } from 'node:path';

import type { TrainingProgram } from '../program/training-program';
import { assignParameters } from './assign-parameters';

/** Saves the trained reasoner; with an adapter, the adapter by itself, with the tokenizer that it needs, and the model with it merged in. */
export async function saveReasoner({
  program,
  reasoner,
  folder,
  lora,
  baseModel = null,
}: {
  program: TrainingProgram;
  /** As it was before training; gets the weights. */
  reasoner: Reasoner;
  folder: string;
  /** The adapter that was trained. @default none */
  lora?: LoraSettings & { seed: number };
  /** What the adapter's config names as the model beneath it. @default null */
  baseModel?: string | null;
}): Promise<void> {
  if (lora) addLora({ model: reasoner.model, ...lora });
  assignParameters({ program, prefix: 'reasoner/', parameters: reasoner.model.parameters });
  if (reasoner.feedback) assignParameters({ program, prefix: 'feedback/', parameters: reasoner.feedback.parameters });
  if (lora) {
    const adapter = join(folder, 'adapter');
    await saveAdapter({ model: reasoner.model, folder: adapter, baseModel });
    // PEFT makes room for new tokens where a tokenizer lies beside the adapter (AutoPeftModelForCausalLM).
    await reasoner.tokenizer.save({ folder: adapter });
    mergeLora({ model: reasoner.model });
  }
  await reasoner.save({ folder });
}
