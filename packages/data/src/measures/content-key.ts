import { createHash } from 'node:crypto';
import type { ReasoningExample } from '../reasoning-example';

function normalise(text: string): string {
  return text.toLowerCase().replace(/\s+/g, ' ').trim();
}

/**
 * A hash of what an example asks, the same for the same content told otherwise: a graph counts by its named edges,
 * whatever their order; a scene by its objects; another image by its pixels; text by its words, whatever the case and
 * spacing. The answer and the chain don't count.
 */
export async function contentKey(example: ReasoningExample): Promise<string> {
  const hash = createHash('sha256');
  if (example.facts?.kind === 'graph') {
    const { edges, symbols, root, target, negativeTarget } = example.facts;
    const told = edges.map(([from, to]) => `${symbols[from]!}>${symbols[to]!}`).sort();
    const candidates = [symbols[target]!, symbols[negativeTarget]!].sort();
    return hash.update(JSON.stringify(['graph', told, symbols[root]!, candidates])).digest('hex');
  }
  hash.update(normalise(example.question));
  if (example.facts?.kind === 'scene') hash.update(JSON.stringify(example.facts.objects.map(({ colour, shape, place }) => [colour, shape, place]).sort()));
  else if (example.image) {
    const { data, width, height } = await example.image.load();
    hash.update(`\n${width}x${height}\n`).update(data);
  }
  return hash.digest('hex');
}
