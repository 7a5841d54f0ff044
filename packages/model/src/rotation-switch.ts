import type { LanguageModel } from './language-model';

/**
 * The sequence length beyond which a model changes the rotary frequencies of all positions (LongRoPE); null if there is
 * none.
 */
export function rotationSwitch({ rotary }: Pick<LanguageModel, 'rotary'>): number | null {
  const counts = rotary.flatMap((rotation) => rotation?.switchesAfter ?? []);
  return counts.length === 0 ? null : Math.min(...counts);
}
