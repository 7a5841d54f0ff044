import { ComponentSettings } from './component-settings';
import { TokenizerError, unsupported } from './tokenizer-error';
import { checkId, type ComponentConfiguration, isObject } from './tokenizer-file';

/** Ids added before and after the ids of a text. */
export interface Surroundings {
  before: number[];
  after: number[];
}

/**
 * The ids that the post-processor of a tokenizer.json adds around a single text.
 *
 * @param configuration the post-processor
 * @param idOf ids of the special tokens that it names
 */
export function surroundings(
  configuration: ComponentConfiguration | null,
  idOf: (token: string) => number,
): Surroundings {
  if (configuration === null) return { before: [], after: [] };
  const settings = new ComponentSettings(configuration, `the post-processor "${configuration.type}"`);
  switch (configuration.type) {
    case 'ByteLevel':
      return { before: [], after: [] };
    case 'TemplateProcessing':
      return template(settings, idOf);
    case 'BertProcessing':
    case 'RobertaProcessing': {
      const id = (name: string): number => {
        const pair = settings.list(name);
        return checkId(pair[1], `tokenizer.json: "${name}" of the post-processor`);
      };
      const [separator, classifier] = [id('sep'), id('cls')];
      return { before: [classifier], after: [separator] };
    }
    case 'Sequence': {
      // Each step wraps the output of the previous one.
      const steps = settings.components('processors').map((step) => surroundings(step, idOf));
      return steps.reduce(
        (inner, outer) => ({ before: [...outer.before, ...inner.before], after: [...inner.after, ...outer.after] }),
        {
          before: [],
          after: [],
        },
      );
    }
    default:
      throw unsupported(`the post-processor "${configuration.type}"`);
  }
}

function template(settings: ComponentSettings, idOf: (token: string) => number): Surroundings {
  const wrong = (message: string): TokenizerError =>
    new TokenizerError({
      code: 'invalid-file',
      message: `tokenizer.json: the template of the post-processor ${message}`,
    });
  const specials = settings.raw('special_tokens') ?? {};
  if (!isObject(specials)) throw wrong('has "special_tokens" that is not an object');
  const before: number[] = [];
  const after: number[] = [];
  let texts = 0;
  for (const item of settings.list('single')) {
    if (!isObject(item)) throw wrong('has a part that is not an object');
    const { Sequence: sequence, SpecialToken: special } = item;
    if (isObject(sequence)) {
      if (sequence['id'] !== 'A') throw wrong('uses a second text in the template for one');
      texts += 1;
    } else if (isObject(special) && typeof special['id'] === 'string') {
      const own = Object.hasOwn(specials, special['id']) ? specials[special['id']] : undefined;
      const ids = isObject(own) ? own['ids'] : undefined;
      if (ids !== undefined && !Array.isArray(ids))
        throw wrong(`has ids of ${JSON.stringify(special['id'])} that are not a list`);
      for (const id of ids ?? [idOf(special['id'])])
        (texts === 0 ? before : after).push(checkId(id, 'tokenizer.json: the template of the post-processor'));
    } else throw wrong('has a part that is neither a text nor a special token');
  }
  if (texts !== 1)
    throw new TokenizerError({
      code: 'unsupported-component',
      message: 'tokenizer.json: the template of the post-processor does not contain the text exactly once',
    });
  return { before, after };
}
