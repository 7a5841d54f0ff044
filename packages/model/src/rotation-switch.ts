import type { LanguageModel } from './language-model';

/** The count of positions beyond which a model rotates all of them otherwise (LongRoPE); null where there is none. */
export function rotationSwitch({ rotary }: Pick<LanguageModel, 'rotary'>): number | null {
  const counts = rotary.flatMap((rotation) => rotation?.switchesAfter ?? []);
  return counts.length === 0 ? null : Math.min(...counts);
}
