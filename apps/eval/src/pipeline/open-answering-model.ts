import { checkTaskFitsModel, loadPlainModel, plainModel, plainModelSees, reasonerModel, type AnsweringModel, type EvaluationTask } from '@subtext/eval';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { openReasoner } from './open-reasoner';

/** A model that answers, whatever folder it comes from. */
export interface OpenedModel {
  /** How it reasons: the reasoner's method, or `plain` for a Hugging Face folder without Subtext's training. */
  method: string;
  /** With the settings of one run. */
  answering(options: { temperature: number; seed: number; maximumTokens?: number; signal: AbortSignal }): AnsweringModel;
  dispose(): void;
}

/** Loads a reasoner, or a Hugging Face folder as it is; refuses tasks that it cannot see. */
export async function openAnsweringModel({ folder, tasks }: { folder: string; tasks: readonly EvaluationTask[] }): Promise<OpenedModel> {
  if (existsSync(join(folder, 'config.json')) && !existsSync(join(folder, 'subtext.json'))) {
    const opened = await loadPlainModel(folder);
    for (const task of tasks) checkTaskFitsModel({ task, model: { name: folder, seesImages: plainModelSees(opened.model) } });
    return { method: 'plain', answering: (options) => plainModel({ ...opened, ...options }), dispose: () => opened.model.dispose() };
  }
  const reasoner = await openReasoner({ folder, tasks });
  return { method: reasoner.settings.method.name, answering: (options) => reasonerModel({ reasoner, ...options }), dispose: () => reasoner.dispose() };
}
