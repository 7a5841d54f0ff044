import { createModel, loadModel, type LanguageModel } from '@subtext/model';
import { drawInitialValues, addLora, type LoraSettings } from '@subtext/nn';
import type { WeightDtype } from '@subtext/tensor';

import { ReasonerError } from '../errors';
import { FeedbackMap } from '../feedback/feedback-map';
import { parameterPattern } from './parameter-pattern';

/** Where a model comes from; can be posted to a worker, which then builds the same one. */
export type ModelSource =
  /** A Hugging Face folder. */
  | {
      kind: 'folder';
      folder: string;
      /** See `ModelStructure.recomputesBlocks`. @default false */ recompute?: boolean;
      /** As in `loadModel`: fewer bits for an adapter to train over. @default 'float32' */ dtype?: WeightDtype;
      /** A low-rank adapter to train in the model's place. */ lora?: LoraSettings & {
        seed?: number;
        /** Whether `tokens` learn. @default true */ trainTokens?: boolean;
      };
    }
  /** A new model with random weights. */
  | {
      kind: 'new';
      config: Record<string, unknown>;
      seed: number;
      /** See `ModelStructure.recomputesBlocks`. @default false */ recompute?: boolean;
      /** Parameters drawn otherwise than their family does: the first pattern (a regular expression) that fits counts. @default [] */
      initialisation?: readonly { pattern: string; deviation: number }[];
    };

/** A model to train, and what its states go through before they are fed back. */
export interface OpenedModel {
  model: LanguageModel;
  feedback?: FeedbackMap;
}

/**
 * Loads or creates the model, and the map of a reasoner's folder that has one.
 *
 * @throws ReasonerError `invalid-option` for a reasoner whose states go through a projection before they are fed back:
 *   training has none, and would go on from another model than the one that thinks
 */
export async function openWithFeedback(source: ModelSource): Promise<OpenedModel> {
  const model = await openModel(source);
  if (source.kind === 'new') return { model };
  const feedback = await FeedbackMap.find({ folder: source.folder, model });
  if (feedback?.settings.kind !== 'projection') return { model, feedback };
  feedback.dispose();
  model.dispose();
  throw new ReasonerError({
    code: 'invalid-option',
    message: `The states of ${source.folder} go through a projection before they are fed back, which training does not take. Such a reasoner can be asked, evaluated and audited; to train its weights without the projection, take feedback.safetensors out of a copy of the folder.`,
  });
}

/** Loads or creates the model. */
export async function openModel(source: ModelSource): Promise<LanguageModel> {
  if (source.kind === 'folder') {
    const model = await loadModel({ folder: source.folder, dtype: source.dtype });
    if (source.lora) addLora({ model, ...source.lora });
    model.structure.recomputesBlocks = source.recompute === true;
    return model;
  }
  const { config, seed, recompute = false, initialisation = [] } = source;
  const model = createModel({ config, seed });
  model.structure.recomputesBlocks = recompute;
  const patterns = initialisation.map(({ pattern, deviation }) => ({
    expression: parameterPattern({ source: pattern, option: 'initialisation' }),
    deviation,
  }));
  for (const [name, variable] of model.parameters.entries()) {
    const found = patterns.find(({ expression }) => expression.test(name));
    if (!found) continue;
    const values = drawInitialValues({
      initialisation: { kind: 'normal', deviation: found.deviation },
      shape: variable.shape,
      seed,
      name,
    });
    variable.assign(values);
    values.dispose();
  }
  return model;
}
