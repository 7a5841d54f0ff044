import type { Reasoner } from '@subtext/reasoner';

import type { CardSubject } from '../card/run-card';
import type { PhasePlan } from '../phases/phase-plan';
import type { ReasonerData } from '../sources/laid-out-examples';
import type { SavedModel, TrainRunOptions } from './run-options';
import { trainingDefaults } from './training-options';

/** What a model's card tells of the run. */
export function cardSubject({
  kind,
  options: { method, model, interpreters, training },
  reasoner: { settings },
  data,
  plans,
  seed,
}: {
  reasoner: Reasoner;
  data: ReasonerData;
  plans: readonly PhasePlan[];
  kind: SavedModel['kind'];
  options: TrainRunOptions;
  seed: number;
}): CardSubject {
  const started = interpreters?.model?.kind === 'folder' ? interpreters.model.folder : undefined;
  const { thoughts } = data.method.layout({
    example: data.examples[0]!,
    phase: plans.at(-1)!.phase,
    context: data.context,
  });
  return {
    method,
    pictures: settings.image !== undefined && kind !== 'interpreter',
    feedsBack: thoughts.some((thought) => thought.kind === 'continuous' || thought.kind === 'added'),
    visibility: settings.visibility !== undefined,
    ...(kind === 'interpreter' ? { from: started, lora: interpreters?.lora } : { from: model.from, lora: model.lora }),
    settings: {
      'Learning rate': training?.learningRate ?? trainingDefaults.learningRate,
      'Batch size': training?.batchSize ?? trainingDefaults.batchSize,
      Seed: seed,
    },
  };
}
