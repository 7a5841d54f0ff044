import { createHash } from 'node:crypto';
import type { ReasoningExample } from '../reasoning-example';

function normalise(text: string): string {
  return text.toLowerCase().replace(/\s+/g, ' ').trim();
}

/** What an example asks without its picture, and whether the picture counts beside it. */
function askedText(example: ReasoningExample): { text: string; withPicture: boolean } {
  const { facts, question, image } = example;
  if (facts?.kind === 'graph') {
    const { edges, symbols, root, target, negativeTarget } = facts;
    const told = edges.map(([from, to]) => `${symbols[from]!}>${symbols[to]!}`).sort();
    const candidates = [symbols[target]!, symbols[negativeTarget]!].sort();
    return { text: JSON.stringify(['graph', told, symbols[root]!, candidates]), withPicture: false };
  }
  if (facts?.kind === 'scene')
    return {
      text:
        normalise(question) +
        JSON.stringify(facts.objects.map(({ colour, shape, place }) => [colour, shape, place]).sort()),
      withPicture: false,
    };
  return { text: normalise(question), withPicture: image !== undefined };
}

/**
 * A hash of what an example asks but for the pixels of its picture: examples of one content have one of these, those of
 * different pictures may share it. Costs no decoding.
 */
export function questionKey(example: ReasoningExample): string {
  return createHash('sha256').update(askedText(example).text).digest('hex');
}

/**
 * A hash of what an example asks, the same for the same content told otherwise: a graph counts by its named edges,
 * whatever their order; a scene by its objects; another image by its pixels; text by its words, whatever the case and
 * spacing. The answer and the chain don't count.
 */
export async function contentKey(example: ReasoningExample): Promise<string> {
  const { text, withPicture } = askedText(example);
  const hash = createHash('sha256').update(text);
  if (withPicture) {
    const { data, width, height } = await example.image!.load();
    hash.update(`\n${width}x${height}\n`).update(data);
  }
  return hash.digest('hex');
}
