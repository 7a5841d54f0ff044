import { ReasonerError } from '../errors';
import type { ReasoningMethod, ThoughtWords } from '../methods/reasoning-method';
import type { ReasonerSettings } from '../reasoner/reasoner-settings';

/**
 * Refuses words that a reasoner cannot make thoughts from.
 *
 * @throws ReasonerError `missing-stage` for a stage that it does not have or does not hide; `invalid-option` where it was not
 *   trained to think what it is told (`heima` with `fromWords`), or where there are no words
 */
export function checkThoughtWords({
  reasoner: { method, settings },
  words,
}: {
  reasoner: { method: ReasoningMethod; settings: Pick<ReasonerSettings, 'stages' | 'hiddenStages'> };
  words: ThoughtWords;
}): void {
  for (const [stage, text] of Object.entries(words)) {
    checkHidden({ settings, stage });
    if (method.thinksFromWords !== true)
      throw new ReasonerError({
        code: 'invalid-option',
        message: `This reasoner (method "${method.name}") was not trained to make thoughts from words. Train one with method.name=heima, visibility=chain and method.fromWords above 0, for example 0.25.`,
      });
    if (text.trim() === '')
      throw new ReasonerError({
        code: 'invalid-option',
        message: `There are no words to make the thoughts of the stage "${stage}" from.`,
      });
  }
}

/** Refuses a stage that a reasoner does not hold in thoughts. @throws ReasonerError `missing-stage` */
function checkHidden({
  settings: { stages, hiddenStages },
  stage,
}: {
  settings: Pick<ReasonerSettings, 'stages' | 'hiddenStages'>;
  stage: string;
}): void {
  if (hiddenStages.includes(stage)) return;
  const thoughts = `The stages that it holds in thoughts: ${hiddenStages.join(', ') || 'none'}.`;
  throw new ReasonerError({
    code: 'missing-stage',
    message: stages.includes(stage)
      ? `This reasoner writes the stage "${stage}" as text. ${thoughts}`
      : `This reasoner has no stage "${stage}". ${thoughts}`,
  });
}
