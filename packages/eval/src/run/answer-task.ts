import type { RunFolder } from '../results/run-folder';
import type { SampleRecord } from '../results/sample-record';
import { judgeSamples } from '../tasks/judge/judge-samples';
import type { Questions } from '../tasks/load-questions';
import type { EvaluateModelOptions } from './evaluate-model';
import { type AnsweringModel, evaluateTask } from './evaluate-task';

/** One task's samples, judged where it has a judge. */
export async function answerTask({
  loaded,
  run,
  model,
  batch = 32,
  generation,
  judge,
  part,
  onEvent,
  signal,
}: Pick<EvaluateModelOptions, 'batch' | 'judge' | 'onEvent' | 'signal'> & {
  part?: (index: number) => boolean;
  loaded: Questions;
  run: RunFolder;
  model: AnsweringModel;
  generation: Record<string, unknown>;
}): Promise<SampleRecord[]> {
  const { task, examples } = loaded;
  const file = await run.samples(task.name);
  const before = file.finished.size;
  const begun = performance.now();
  const answered = await evaluateTask({
    loaded,
    model,
    file,
    batch,
    generation,
    part,
    signal,
    onProgress: ({ done, total, correct, unparseable, failed }) =>
      onEvent?.({
        event: 'progress',
        label: task.name,
        done,
        total,
        secondsLeft: (((performance.now() - begun) / 1000) * (total - done)) / Math.max(1, done - before),
        details: [
          task.judge ? '' : `${((100 * correct) / done).toFixed(1)} % right`,
          unparseable > 0 ? `${unparseable} unparseable` : '',
          failed > 0 ? `${failed} failed` : '',
        ]
          .filter(Boolean)
          .join(', '),
      }),
  }).finally(() => file.close());
  if (!task.judge) return answered;
  const { samples, unreadable } = await judgeSamples({
    task,
    samples: answered,
    examples,
    judge,
    signal,
    path: file.path.replace(/samples_/, 'judgements_'),
    onProgress: ({ done, total }) => onEvent?.({ event: 'progress', label: `${task.name}: judging`, done, total }),
  });
  if (unreadable > 0) onEvent?.({ event: 'unreadable', task: task.name, count: unreadable });
  return samples;
}
