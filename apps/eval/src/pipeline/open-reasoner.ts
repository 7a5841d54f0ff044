import { checkTaskFitsModel } from '@subtext/eval';
import { isMultimodal } from '@subtext/model';
import { Reasoner } from '@subtext/reasoner';

import type { LoadedData } from './load-tasks';

/** Loads a reasoner and refuses tasks that it cannot see. The caller disposes of it. */
export async function openReasoner({
  folder,
  loaded,
}: {
  folder: string;
  loaded: readonly Pick<LoadedData, 'task' | 'examples'>[];
}): Promise<Reasoner> {
  const reasoner = await Reasoner.load(folder);
  try {
    const seesImages = isMultimodal(reasoner.model) && reasoner.settings.image !== undefined;
    for (const { task, examples } of loaded)
      checkTaskFitsModel({ task, examples, model: { name: folder, seesImages } });
    return reasoner;
  } catch (error) {
    reasoner.dispose();
    throw error;
  }
}
