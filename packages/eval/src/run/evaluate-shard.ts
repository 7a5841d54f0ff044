import { inRunFolder } from '../results/in-run-folder';
import { answerTask } from './answer-task';
import type { EvaluateModelOptions } from './evaluate-model';
import { answeringOf, generationOf, settingsOf } from './evaluation-settings';
import { mergeShards, samplesIn } from './merge-shards';
import { isOfShard, type Shard, shardFolder } from './shard';

/**
 * Answers one part of the questions, in a folder of its own inside the run's, so that several processes or machines can
 * share a run: `evaluateModel` in the same folder puts the parts together. What the run, or the shard, has is not asked again.
 *
 * @throws EvaluationError invalid-result-file where the folder holds another run.
 */
export async function evaluateShard({
  shard,
  ...options
}: Omit<EvaluateModelOptions, 'mergeOnly'> & { shard: Shard }): Promise<{
  /** Samples that the shard has now. */ samples: number;
  folder: string;
}> {
  const { model, onEvent, batch = 32 } = options;
  const folder = shardFolder({ folder: options.folder, shard });
  return inRunFolder({
    folder,
    modelHash: options.modelHash,
    loaded: model.loaded,
    settings: settingsOf(options),
    work: async ({ run }) => {
      if (run.resumed) onEvent?.({ event: 'resumed', folder });
      const answering = answeringOf(options);
      let samples = 0;
      for (const loaded of model.loaded) {
        const before = await samplesIn({ folder: options.folder, task: loaded.task.name });
        const isLeft = (index: number) => !before.has(loaded.examples[index]!.id);
        const answered = await answerTask({
          ...options,
          loaded: { ...loaded, task: { ...loaded.task, judge: undefined } },
          run,
          model: answering,
          generation: generationOf(options),
          part: (index) => isOfShard({ index, batch, shard }) && isLeft(index),
        });
        samples += answered.length;
      }
      return { samples, folder };
    },
  });
}

/** Brings what shards have answered so far into the run's own samples, so that they may be dealt anew. */
export function collectShards(options: Omit<EvaluateModelOptions, 'mergeOnly'>): Promise<{ merged: number }> {
  const { model, folder, modelHash } = options;
  const tasks = model.loaded.map(({ task }) => task.name);
  const run = { folder, modelHash, loaded: model.loaded, settings: settingsOf(options) };
  return inRunFolder({ ...run, work: ({ run }) => mergeShards({ run, tasks }) });
}
