import { TokenizerError, unsupported } from './tokenizer-error';
import type { ComponentConfiguration } from './tokenizer-file';

/** Ids put around the ids of a text. */
export interface Surroundings {
  before: number[];
  after: number[];
}

/**
 * What the post-processor of a tokenizer.json puts around one text.
 *
 * @param configuration the post-processor
 * @param idOf ids of the special tokens that it names
 */
export function surroundings(configuration: ComponentConfiguration | null, idOf: (token: string) => number): Surroundings {
  if (configuration === null) return { before: [], after: [] };
  switch (configuration.type) {
    case 'ByteLevel':
      return { before: [], after: [] };
    case 'TemplateProcessing':
      return template(configuration, idOf);
    case 'BertProcessing':
    case 'RobertaProcessing': {
      const [, separator] = configuration['sep'] as [string, number];
      const [, classifier] = configuration['cls'] as [string, number];
      return { before: [classifier], after: [separator] };
    }
    case 'Sequence': {
      // Each works on what the one before made of the text.
      const steps = ((configuration['processors'] ?? []) as ComponentConfiguration[]).map((step) => surroundings(step, idOf));
      return steps.reduce((inner, outer) => ({ before: [...outer.before, ...inner.before], after: [...inner.after, ...outer.after] }), {
        before: [],
        after: [],
      });
    }
    default:
      throw unsupported(`the post-processor "${configuration.type}"`);
  }
}

interface TemplateItem {
  Sequence?: { id: string };
  SpecialToken?: { id: string };
}

function template(configuration: ComponentConfiguration, idOf: (token: string) => number): Surroundings {
  const single = (configuration['single'] ?? []) as TemplateItem[];
  const specials = (configuration['special_tokens'] ?? {}) as Record<string, { ids?: number[] }>;
  const place = single.findIndex(({ Sequence }) => Sequence?.id === 'A');
  if (place < 0 || single.filter(({ Sequence }) => Sequence !== undefined).length !== 1) {
    throw new TokenizerError({ code: 'unsupported-component', message: 'tokenizer.json: the template of the post-processor does not hold the text exactly once' });
  }
  const idsOf = (items: readonly TemplateItem[]): number[] =>
    items.flatMap(({ SpecialToken }) => (SpecialToken === undefined ? [] : (specials[SpecialToken.id]?.ids ?? [idOf(SpecialToken.id)])));
  return { before: idsOf(single.slice(0, place)), after: idsOf(single.slice(place + 1)) };
}
