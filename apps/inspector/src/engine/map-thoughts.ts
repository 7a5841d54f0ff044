import { nearestThoughts, principalComponents } from '@subtext/decoder';
import type { Answer } from '@subtext/reasoner';
import { UMAP } from 'umap-js';

import { RandomStream } from '@subtext/data';

import type { MapPoint } from './protocol';

/** All thoughts of a stage, or of all stages together, in two dimensions, each with its neighbours among them. */
export async function mapThoughts({
  answers,
  stage,
  method,
  onProgress,
}: {
  answers: readonly Answer[];
  /** Null: all. */
  stage: string | null;
  method: 'pca' | 'umap';
  onProgress: (progress: { done: number; total: number }) => void;
}): Promise<{ points: MapPoint[]; explained: number[] | null }> {
  const thoughts = answers.flatMap((answer, example) =>
    answer.thoughts.flatMap((thought) =>
      stage === null || thought.stage === stage ? [{ example, answer: answer.answer ?? null, ...thought }] : [],
    ),
  );
  const vectors = thoughts.map(({ hidden }) => hidden);
  const { coordinates, explained } =
    method === 'pca'
      ? principalComponents({ vectors })
      : { coordinates: await umap(vectors, onProgress), explained: null };
  const near = nearestThoughts({ vectors });
  return {
    explained,
    points: thoughts.map(({ example, answer, stage: own, index }, place) => ({
      example,
      stage: own,
      index,
      answer,
      x: coordinates[place]![0]!,
      y: coordinates[place]![1] ?? 0,
      near: near[place]!,
    })),
  };
}

/** UMAP (McInnes, Healy, Melville, arXiv 1802.03426) with a seed, so that a link brings the same map back. */
async function umap(
  vectors: readonly Float32Array[],
  onProgress: (progress: { done: number; total: number }) => void,
): Promise<number[][]> {
  const random = new RandomStream({ seed: 0, name: 'map' });
  const total = 300;
  const map = new UMAP({
    nEpochs: total,
    nNeighbors: Math.max(1, Math.min(15, vectors.length - 1)),
    random: () => random.uniform(),
  });
  return map.fitAsync(
    vectors.map((vector) => [...vector]),
    (epoch) => void onProgress({ done: epoch, total }),
  );
}
