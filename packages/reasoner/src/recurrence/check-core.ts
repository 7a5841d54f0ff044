import { isRecurrent, type LanguageModel } from '@subtext/model';

import { ReasonerError } from '../errors';
import type { ReasoningMethod } from '../methods/reasoning-method';
import type { ThinkOptions } from '../reasoner/reasoner';
import { recurrentModel } from './recurrent-forward';

/**
 * Refuses a recurrent method without a model that has a core, and such a model with another method: it sees what comes after
 * a position, and would be trained on the answers that it is shown.
 *
 * @throws ReasonerError `invalid-option`
 */
export function checkCore({ model, method }: { model: LanguageModel; method: ReasoningMethod }): void {
  if (method.recurrences !== undefined) return void recurrentModel(model);
  if (!isRecurrent(model)) return;
  throw new ReasonerError({
    code: 'invalid-option',
    message: `In a ${model.modelType} every position sees every other, so that it writes nothing from left to right, as the method "${method.name}" does. Take the method "recurrent", or another model.`,
  });
}

/** Refuses options of thinking that belong to the other kind of reasoner. @throws ReasonerError `invalid-option` */
export function checkThinking({
  method,
  temperature,
  nextInput,
  takesThought,
  recurrences,
  haltFrom,
}: { method: ReasoningMethod } & Pick<
  ThinkOptions,
  'temperature' | 'nextInput' | 'takesThought' | 'recurrences' | 'haltFrom'
>): void {
  const isInPlace = method.recurrences !== undefined;
  const odd = isInPlace
    ? { temperature: temperature !== 0, nextInput: nextInput !== undefined, takesThought: takesThought !== undefined }
    : { recurrences: recurrences !== undefined, haltFrom: haltFrom !== undefined };
  for (const [option, isGiven] of Object.entries(odd)) {
    if (!isGiven) continue;
    throw new ReasonerError({
      code: 'invalid-option',
      message: `A reasoner of the method "${method.name}" takes no ${option}: ${isInPlace ? 'it reads its answers off a state and draws nothing' : 'it has no core to run again'}. Leave it out.`,
    });
  }
}
