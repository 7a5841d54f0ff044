import type { RawConfig } from '@subtext/nn';

import type { LanguageModel } from '../language-model';

/**
 * The model's end-of-text ids, from generation_config.json or else config.json (`eos_token_id`, one or several); empty
 * if neither has any. Pass them to `generate` as `stopIds`.
 */
export function endOfTextIds({ model }: { model: LanguageModel }): number[] {
  const text = model.config.text_config as RawConfig | undefined;
  const named = model.generationConfig?.eos_token_id ?? model.config.eos_token_id ?? text?.eos_token_id;
  return (Array.isArray(named) ? named : [named]).filter(
    (id): id is number => Number.isInteger(id) && (id as number) >= 0,
  );
}
