import { inRunFolder } from '../results/in-run-folder';
import type { SampleRecord } from '../results/sample-record';
import type { LoadedTask } from '../tasks/registry';
import { evaluateTask, type AnsweringModel, type EvaluationProgress } from './evaluate-task';

/** Options of {@link evaluateInFolder}. */
export interface EvaluateInFolderOptions {
  loaded: LoadedTask;
  /** Where the samples are kept; it is made. */
  folder: string;
  /** Of the model's folder: samples of another model are not mixed in. */
  modelHash: string;
  /** Loads the model; only called where questions are left to answer. */
  open: () => Promise<{ model: AnsweringModel; dispose(): void }>;
  /** Questions answered side by side. @default 32 */
  batch?: number;
  /** What else changes an answer, such as the engine. @default {} */
  settings?: Record<string, unknown>;
  /** Called after each batch. @default none */
  onProgress?: (progress: EvaluationProgress) => void;
  /** Stops between batches; finished samples are kept. */
  signal?: AbortSignal;
}

/**
 * Answers a task's questions once: what the folder already has is not asked again, and where it has everything the model is
 * not loaded.
 *
 * @returns all samples in the data's order.
 * @throws EvaluationError invalid-result-file where the folder holds samples of another model, other examples or settings.
 */
export function evaluateInFolder({
  loaded,
  folder,
  modelHash,
  open,
  settings = {},
  ...options
}: EvaluateInFolderOptions): Promise<SampleRecord[]> {
  return inRunFolder({
    folder,
    modelHash,
    loaded: [loaded],
    settings,
    work: async ({ run }) => {
      const file = await run.samples(loaded.task.name);
      try {
        const left = loaded.examples.some(({ id }) => !file.finished.has(id));
        const { model, dispose } = left ? await open() : finishedModel;
        try {
          return await evaluateTask({ loaded, model, file, ...options });
        } finally {
          dispose();
        }
      } finally {
        await file.close();
      }
    },
  });
}

/** Nothing is left to ask of it. */
const finishedModel = { model: { answer: () => Promise.resolve([]) }, dispose: () => undefined };
