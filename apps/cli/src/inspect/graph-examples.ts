import { generateProsQA, type ReasoningExample } from '@subtext/data';
import { askedGraph } from '@subtext/eval';
import { readTextFile } from '@subtext/core/node';
import { join } from 'node:path';

/** Questions generated where no file is given, and their seed, which no configuration trains on by default. */
export const generatedGraphs = { count: 200, seed: 20_260_101, hops: { minimum: 3, maximum: 4 } };

/** Whether a model was trained on graphs. */
export async function answersGraphs(folder: string): Promise<boolean> {
  try {
    const settings = JSON.parse(await readTextFile({ path: join(folder, 'subtext.json'), maximumBytes: 2 ** 20 })) as {
      method?: { name?: unknown };
    };
    return settings.method?.name === 'graph';
  } catch {
    // A folder that is no reasoner's is refused where it is opened.
    return false;
  }
}

/** Examples as such a model is asked: as graphs of node numbers; those without a graph are left out. */
export function asGraphs(examples: readonly ReasoningExample[]): ReasoningExample[] {
  return examples.flatMap((example) =>
    example.facts?.kind === 'graph' ? [askedGraph({ example, facts: example.facts })] : [],
  );
}

/** Generated questions over graphs. */
export function generateGraphs({ limit }: { limit: number }): ReasoningExample[] {
  return asGraphs([...generateProsQA({ ...generatedGraphs, count: Math.min(limit, generatedGraphs.count) })]);
}
