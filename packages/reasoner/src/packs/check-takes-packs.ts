import { isMultimodal, isRecurrent, type LanguageModel } from '@subtext/model';

import { ReasonerError } from '../errors';

/** Refuses a model that no pack can stand before. @throws ReasonerError `pack-unsupported` */
export function checkTakesPacks(model: LanguageModel): void {
  const refuse = (why: string): never => {
    throw new ReasonerError({
      code: 'pack-unsupported',
      message: `A ${model.modelType} model ${why}, so that no knowledge pack can stand in a document's place. Take a text model, such as a Llama or a GPT-2.`,
    });
  };
  if (isMultimodal(model)) refuse('sees pictures');
  if (isRecurrent(model)) refuse('reads all positions at once and keeps no cache');
  if (model.rotary.some((rotary) => (rotary?.switchesAfter ?? null) !== null))
    refuse('rotates the same positions otherwise in longer texts (LongRoPE)');
}
