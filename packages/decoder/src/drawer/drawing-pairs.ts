import type { DecodedImage, ReasoningExample } from '@subtext/data';
import type { Answer, Reasoner } from '@subtext/reasoner';

/**
 * If a reasoner can make thoughts from words, one in this many examples gets its stage's text, so that edited thoughts
 * can be drawn too.
 */
const EACH_TOLD = 4;

/** Thoughts paired with images, as input of {@link trainDrawer}. */
export interface DrawingPairs {
  thoughts: Float32Array[][];
  pictures: DecodedImage[];
  /** Indices of the examples used; the others have no image, or were answered without thoughts of the stage. */
  indices: number[];
}

/**
 * Answers examples with a reasoner and pairs a stage's thoughts, as they are at inference, with the examples' images.
 * For a reasoner that also makes thoughts from words (`heima` with `fromWords`), a quarter of the examples get the
 * stage's text.
 */
export async function drawingPairs({
  reasoner,
  stage,
  examples,
  batchSize = 64,
  onProgress,
  signal,
}: {
  reasoner: Reasoner;
  stage: string;
  examples: readonly ReasoningExample[];
  /** Batch size. @default 64 */
  batchSize?: number;
  /** Called after each batch. @default none */
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}): Promise<DrawingPairs> {
  const seen = examples.flatMap((example, index) => (example.image === undefined ? [] : [{ example, index }]));
  const tells = reasoner.method.thinksFromWords === true;
  const answers: Answer[] = await reasoner.think({
    questions: seen.map(({ example: { question, image, steps } }, place) => {
      const text = steps.find(({ name }) => name === stage)?.text;
      const told = tells && text !== undefined && place % EACH_TOLD === EACH_TOLD - 1;
      return { question, image, ...(told && { words: { [stage]: text } }) };
    }),
    batchSize,
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
  });
  const states = answers.map(({ thoughts }) =>
    thoughts.filter((thought) => thought.stage === stage).map(({ hidden }) => hidden),
  );
  // The most common number: truncated responses have fewer.
  const count = commonest(states.map(({ length }) => length).filter((length) => length > 0));
  const places = [...seen.keys()].filter((place) => states[place]!.length === count && count > 0);
  return {
    thoughts: places.map((place) => states[place]!),
    pictures: await Promise.all(places.map((place) => seen[place]!.example.image!.load())),
    indices: places.map((place) => seen[place]!.index),
  };
}

function commonest(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one)[0]?.[0] ?? 0;
}
