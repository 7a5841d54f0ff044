import { writeFileAtomically } from '@subtext/core/node';
import { type ImageProcessor, loadImageProcessor, saveImageProcessor } from '@subtext/encoders';
import { type HubOptions, resolveModelFolder } from '@subtext/hub';
import { type LanguageModel, loadModel, saveModel } from '@subtext/model';
import { loadTokenizer, type Tokenizer } from '@subtext/tokenizer';
import type { WeightDtype } from '@subtext/tensor';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { ReasonerError } from '../errors';
import { FeedbackMap } from '../feedback/feedback-map';
import { formatNamed } from '../methods/reasoning-format';
import { createMethod } from '../methods/registry';
import { readReasonerSettings, type ReasonerSettings } from './reasoner-settings';

const settingsFile = 'subtext.json';

/** What a reasoner is made of. */
export interface ReasonerParts {
  model: LanguageModel;
  tokenizer: Tokenizer;
  settings: ReasonerSettings;
  /** Becomes the reasoner's, which frees it. */
  feedback?: FeedbackMap;
  /** How pictures are prepared; needed where the model takes pictures. */
  processor?: ImageProcessor;
}

/** Reads a Hugging Face model folder with `subtext.json`, or a model of the hub that has one. @throws ReasonerError `not-a-reasoner`, HubError */
export async function readReasonerFolder(options: {
  folder: string;
  hub?: HubOptions;
  dtype?: WeightDtype;
}): Promise<ReasonerParts> {
  const folder = await resolveModelFolder({ ...options.hub, folder: options.folder });
  const settings = await readReasonerSettings({ path: join(folder, settingsFile), folder });
  formatNamed(settings.reasoningFormat);
  createMethod(settings.method);
  const tokenizer = await loadTokenizer({ folder });
  const processor = settings.image ? await loadImageProcessor({ folder }) : undefined;
  const model = await loadModel({ folder, dtype: options.dtype });
  const { maxPositions } = model.dimensions;
  if (settings.image && settings.image.tokens > maxPositions) {
    model.dispose();
    throw new ReasonerError({
      code: 'not-a-reasoner',
      message: `${join(folder, settingsFile)} says that a picture takes ${settings.image.tokens} tokens; the model has room for ${maxPositions} in all.`,
    });
  }
  const { addsStates = false, latentHead = false } = createMethod(settings.method);
  const lacks =
    latentHead && settings.feedback?.kind !== 'latent-head'
      ? 'feedback "latent-head", by which'
      : addsStates && !settings.feedback && 'feedback, through which';
  if (lacks !== false) {
    model.dispose();
    throw new ReasonerError({
      code: 'not-a-reasoner',
      message: `${join(folder, settingsFile)} names no ${lacks} the method "${settings.method.name}" ${latentHead ? 'predicts thoughts' : 'adds states to thinking tokens'}.`,
    });
  }
  if (!settings.feedback) return { model, tokenizer, settings, processor };
  try {
    const feedback = await FeedbackMap.load({ folder, model });
    const { kind } = feedback.settings;
    if (latentHead && kind !== 'latent-head') {
      feedback.dispose();
      throw new ReasonerError({
        code: 'not-a-reasoner',
        message: `${join(folder, settingsFile)} names a latent head, and feedback.safetensors beside it holds a ${kind}. Copy the whole folder.`,
      });
    }
    return { model, tokenizer, settings, processor, feedback };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** Writes model, tokenizer and picture processor as Hugging Face lays them out, and `subtext.json`. */
export async function writeReasonerFolder({
  reasoner,
  folder,
}: {
  reasoner: ReasonerParts;
  folder: string;
}): Promise<void> {
  await mkdir(folder, { recursive: true });
  await saveModel({ model: reasoner.model, folder });
  await reasoner.tokenizer.save({ folder });
  if (reasoner.processor) await saveImageProcessor({ processor: reasoner.processor, folder });
  await reasoner.feedback?.save({ folder });
  // A mixture follows from the method.
  const feedback = reasoner.feedback?.settings.kind === 'mixture' ? undefined : reasoner.feedback?.settings;
  await writeFileAtomically({
    path: join(folder, settingsFile),
    data: `${JSON.stringify({ ...reasoner.settings, feedback, format: reasoner.settings.visibility ? 2 : 1 }, null, 2)}\n`,
  });
}
