import { checkTaskFitsModel, type EvaluationTask } from '@subtext/eval';
import { isMultimodal } from '@subtext/model';
import { Reasoner } from '@subtext/trainer';

/** Loads a reasoner and refuses tasks that it cannot see. */
export async function openReasoner({ folder, tasks }: { folder: string; tasks: readonly EvaluationTask[] }): Promise<Reasoner> {
  const reasoner = await Reasoner.load(folder);
  const seesImages = isMultimodal(reasoner.model) && reasoner.settings.image !== undefined;
  for (const task of tasks) checkTaskFitsModel({ task, model: { name: folder, seesImages } });
  return reasoner;
}
