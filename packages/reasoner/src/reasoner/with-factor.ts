import { ReasonerError } from '../errors';
import { untrainedFactor } from '../methods/colar';
import { Reasoner } from './reasoner';

/**
 * The same reasoner with another compression factor (method `colar`): each of its thoughts stands for as many tokens of the
 * chain. It shares the given one's model; its own `dispose` frees both.
 *
 * @throws ReasonerError `untrained-factor`; `invalid-option` for a method whose thoughts are not compressed
 */
export function withFactor({ reasoner, factor }: { reasoner: Reasoner; factor: number }): Reasoner {
  const { model, tokenizer, settings, method, processor, feedback } = reasoner;
  const { factors } = method.compression ?? {};
  if (factors === undefined)
    throw new ReasonerError({
      code: 'invalid-option',
      message: `Thoughts of the method "${method.name}" have no compression factor. Leave it out, or take a reasoner of the method "colar".`,
    });
  if (!factors.includes(factor)) throw untrainedFactor({ factor, factors });
  const asked = { ...settings, method: { ...settings.method, factor } } as typeof settings;
  return new Reasoner({ model, tokenizer, settings: asked, processor, feedback });
}
