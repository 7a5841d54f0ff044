import { createModel } from '@subtext/model';
import { Reasoner } from '@subtext/reasoner';

/**
 * A reasoner with the same architecture, tokenizer, method and settings but newly initialised weights: what can be read
 * from its states does not come from training. The caller disposes it.
 *
 * @throws ModelFolderError if there is not enough memory for a second model
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
