import { createModel } from '@subtext/model';
import { Reasoner } from '@subtext/reasoner';

/**
 * A reasoner of the same shape, with the same tokenizer, method and settings, whose weights are drawn anew as its family
 * draws them: what can be read from its states, training did not put there. The caller disposes of it.
 *
 * @throws ModelFolderError where the machine's memory has no room for a second model
 */
export function untrainedReasoner({
  reasoner: { model, tokenizer, settings, processor, feedback },
  seed = 0,
}: {
  reasoner: Reasoner;
  /** @default 0 */
  seed?: number;
}): Reasoner {
  const untrained = createModel({ config: model.config, seed });
  return new Reasoner({
    model: untrained,
    tokenizer,
    settings,
    processor,
    ...(feedback && { feedback: feedback.redrawn({ seed, model: untrained }) }),
  });
}
