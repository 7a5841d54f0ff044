import {
  askedAsGraphs,
  checkTaskFitsModel,
  loadPlainModel,
  plainModel,
  plainModelSees,
  reasonerModel,
  type AnsweringModel,
} from '@subtext/eval';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { LoadedData } from './load-tasks';
import { openReasoner } from './open-reasoner';

/** A model that answers, whatever folder it comes from. */
export interface OpenedModel {
  /** How it reasons: the reasoner's method, or `plain` for a Hugging Face folder without Subtext's training. */
  method: string;
  /** What it is asked: graphs written as the reasoner reads them. */
  loaded: readonly LoadedData[];
  /** With the settings of one run. */
  answering(options: {
    temperature: number;
    seed: number;
    maximumTokens?: number;
    signal: AbortSignal;
  }): AnsweringModel;
  /** Words of a question that the model reads as one unknown token. */
  unknownWords(question: string): string[];
  dispose(): void;
}

/** Loads a reasoner, or a Hugging Face folder as it is; refuses tasks that it cannot see. */
export async function openAnsweringModel({
  folder,
  loaded,
}: {
  folder: string;
  loaded: readonly LoadedData[];
}): Promise<OpenedModel> {
  if (existsSync(join(folder, 'config.json')) && !existsSync(join(folder, 'subtext.json'))) {
    const opened = await loadPlainModel(folder);
    try {
      for (const { task, examples } of loaded)
        checkTaskFitsModel({ task, examples, model: { name: folder, seesImages: plainModelSees(opened.model) } });
    } catch (error) {
      opened.model.dispose();
      throw error;
    }
    return {
      method: 'plain',
      loaded,
      answering: (options) => plainModel({ ...opened, ...options }),
      unknownWords: () => [],
      dispose: () => opened.model.dispose(),
    };
  }
  const reasoner = await openReasoner({ folder, loaded });
  const method = reasoner.settings.method.name;
  try {
    return {
      method,
      loaded: loaded.map((one) => writtenFor({ method, loaded: one })),
      answering: (options) => reasonerModel({ reasoner, ...options }),
      unknownWords: (question) => reasoner.unknownWords(question),
      dispose: () => reasoner.dispose(),
    };
  } catch (error) {
    reasoner.dispose();
    throw error;
  }
}

/** One's own data for a reasoner of graphs is asked as graphs; everything else as it is. */
export function writtenFor({ method, loaded }: { method: string; loaded: LoadedData }): LoadedData {
  return method === 'graph' && loaded.task.format !== undefined ? { ...loaded, ...askedAsGraphs(loaded) } : loaded;
}
