import { isMultimodal } from '@subtext/model';
import {
  Reasoner,
  refusedSampling,
  steer,
  type Steering,
  ThoughtSampler,
  type ThoughtSampling,
  withFactor,
} from '@subtext/reasoner';
import type { WeightDtype } from '@subtext/tensor';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { EvaluationError } from '../errors';
import { askedAsGraphs, checkTaskFitsModel, type LoadedTask } from '../tasks/registry';
import type { AnsweringModel } from './evaluate-task';
import { loadPlainModel, plainModel, plainModelSees } from './plain-model';
import { reasonerModel } from './reasoner-model';

/** How answers are drawn. */
export interface AnswerSettings {
  /** @default 0: greedy */
  temperature?: number;
  /** Of the draws. @default 0 */
  seed?: number;
  /** How continuous thoughts are drawn; only reasoners have any. @default they are not */
  thoughts?: ThoughtSampling;
  /** Most tokens of a response. @default the model's own limit */
  maximumTokens?: number;
  /** How often the core of a recurrent reasoner is run. @default as its method says */
  recurrences?: number;
  /** A recurrent reasoner halts once it finds its answer right with this probability. @default it takes all its recurrences */
  haltFrom?: number;
  /** Tokens of the chain that a thought of a reasoner of the method `colar` stands for. @default as its method says */
  factor?: number;
  /** A direction that is added to thoughts; only reasoners have any. @default none */
  steering?: Steering;
  signal?: AbortSignal;
}

/** A model that answers, whatever folder it comes from. */
export interface OpenedModel<Loaded extends LoadedTask = LoadedTask> {
  /** How it reasons: the reasoner's method, or `plain` for a Hugging Face folder without Subtext's training. */
  method: string;
  /** What it is asked: graphs written as the reasoner reads them. */
  loaded: readonly Loaded[];
  /** How its weights are stored. */
  dtype: WeightDtype;
  answering(settings: AnswerSettings): AnsweringModel;
  /** Words of a question that the model reads as one unknown token. */
  unknownWords(question: string): string[];
  dispose(): void;
}

/**
 * Loads a reasoner, or a Hugging Face folder as it is. The caller disposes of it.
 *
 * @throws EvaluationError task-model-mismatch for tasks that it cannot see
 */
export async function openModel<Loaded extends LoadedTask>({
  folder,
  loaded,
  dtype = 'float32',
}: {
  folder: string;
  loaded: readonly Loaded[];
  /** How the model's weights are stored, as in `loadModel`. @default 'float32' */
  dtype?: WeightDtype;
}): Promise<OpenedModel<Loaded>> {
  if (existsSync(join(folder, 'config.json')) && !existsSync(join(folder, 'subtext.json'))) {
    const opened = await loadPlainModel({ folder, dtype });
    return disposedUnless(opened.model, () => {
      for (const one of loaded)
        checkTaskFitsModel({ ...one, model: { name: folder, seesImages: plainModelSees(opened.model) } });
      return {
        dtype,
        method: 'plain',
        loaded,
        answering: ({ steering, thoughts, recurrences, haltFrom, factor, ...settings }) => {
          if (factor !== undefined)
            throw new EvaluationError({
              code: 'invalid-option',
              message: `${folder} is no reasoner: it has no thoughts that are compressed. Leave the factor out.`,
            });
          if (recurrences !== undefined || haltFrom !== undefined)
            throw new EvaluationError({
              code: 'invalid-option',
              message: `${folder} is no recurrent reasoner: it has no core to run again. Leave the recurrences out.`,
            });
          if (steering !== undefined || (thoughts !== undefined && thoughts.kind !== 'state'))
            throw new EvaluationError({
              code: 'invalid-option',
              message: `${folder} is no reasoner: it has no thoughts that could be ${steering === undefined ? 'drawn' : 'steered'}. Take a folder with a subtext.json.`,
            });
          return plainModel({ ...opened, ...settings });
        },
        unknownWords: () => [],
        dispose: () => opened.model.dispose(),
      };
    });
  }
  const reasoner = await openReasoner({ folder, loaded, dtype });
  return disposedUnless(reasoner, () => ({
    dtype,
    method: reasoner.settings.method.name,
    loaded: loaded.map((one) => askedOf({ reasoner, loaded: one })),
    answering: ({ steering, thoughts, factor, ...settings }) => {
      const asked = factor === undefined ? reasoner : withFactor({ reasoner, factor });
      return reasonerModel({
        reasoner: asked,
        ...settings,
        sampler: samplerOf({ reasoner: asked, thoughts }),
        ...(steering && {
          change: (answered) =>
            steer({
              reasoner: asked,
              ...answered,
              ...steering,
              maxNewTokens: settings.maximumTokens,
              signal: settings.signal,
            }),
        }),
      });
    },
    unknownWords: (question) => reasoner.unknownWords(question),
    dispose: () => reasoner.dispose(),
  }));
}

/** Opens what draws a reasoner's thoughts; undefined where they are not drawn. */
function samplerOf({
  reasoner,
  thoughts: sampling = { kind: 'state' },
}: {
  reasoner: Reasoner;
  thoughts?: ThoughtSampling;
}): (() => Promise<ThoughtSampler | undefined>) | undefined {
  if (sampling.kind === 'state') return undefined;
  const refused = refusedSampling({ method: reasoner.method, sampling });
  if (refused !== undefined)
    throw new EvaluationError({ code: 'invalid-option', message: `Thoughts cannot be drawn so: ${refused}` });
  return () => ThoughtSampler.open({ model: reasoner.model, feedback: reasoner.feedback, sampling });
}

/**
 * Loads a reasoner. The caller disposes of it.
 *
 * @throws EvaluationError task-model-mismatch for tasks that it cannot see
 */
export async function openReasoner({
  folder,
  loaded,
  dtype,
}: {
  folder: string;
  loaded: readonly Pick<LoadedTask, 'task' | 'examples'>[];
  /** As in {@link openModel}. @default 'float32' */
  dtype?: WeightDtype;
}): Promise<Reasoner> {
  const reasoner = await Reasoner.load({ folder, dtype });
  return disposedUnless(reasoner, () => {
    const seesImages = isMultimodal(reasoner.model) && reasoner.settings.image !== undefined;
    for (const one of loaded) checkTaskFitsModel({ ...one, model: { name: folder, seesImages } });
    return reasoner;
  });
}

/** One's own data for a reasoner of graphs is asked as graphs; everything else as it is. */
export function askedOf<Loaded extends LoadedTask>({
  reasoner,
  loaded,
}: {
  reasoner: { settings: { method: { name: string } } };
  loaded: Loaded;
}): Loaded {
  return reasoner.settings.method.name === 'graph' && loaded.task.format !== undefined
    ? { ...loaded, ...askedAsGraphs(loaded) }
    : loaded;
}

function disposedUnless<Result>(owner: { dispose(): void }, make: () => Result): Result {
  try {
    return make();
  } catch (error) {
    owner.dispose();
    throw error;
  }
}
