import { closeFiles, openFiles, SubtextError } from '@subtext/core';
import { Drawer, type Explainer, loadExplainers } from '@subtext/decoder';
import { loadModel, type LanguageModel } from '@subtext/model';
import { Reasoner } from '@subtext/reasoner';
import { loadTokenizer, type Tokenizer } from '@subtext/tokenizer';

import { weightBytes } from '../weight-bytes';
import type { ModelInfo } from './protocol';

/** A model in the worker. */
export type OpenModel =
  | { kind: 'reasoner'; reasoner: Reasoner; explainers: Explainer[]; drawer: Drawer | null; info: ModelInfo }
  | { kind: 'model'; model: LanguageModel; tokenizer: Tokenizer; info: ModelInfo };

/** The most bytes of weights that a page holds: a browser's memory for WebAssembly is 4 GiB, and float16 becomes float32. */
const MOST_BYTES = 2 * 2 ** 30;

/** Opens a folder of files. Throws what its loaders throw, in words for people. */
export async function openModel({ name, files }: { name: string; files: Record<string, Blob> }): Promise<OpenModel> {
  const began = performance.now();
  checkFiles({ name, files });
  const folder = openFiles(files);
  try {
    const notes: string[] = [];
    if (!('subtext.json' in files)) {
      const [model, tokenizer] = await Promise.all([
        loadModel({ folder, onNote: (note) => void notes.push(note) }),
        loadTokenizer({ folder }),
      ]);
      notes.unshift('This folder has no subtext.json: the model has no hidden thoughts. Its layers can be inspected.');
      return { kind: 'model', model, tokenizer, info: info({ name, model, notes, began }) };
    }
    const reasoner = await Reasoner.load({ folder });
    const explainers = await optional(notes, () => loadExplainers({ folder }), []);
    const drawer =
      'drawer/subtext.json' in files
        ? await optional(notes, () => Drawer.load({ folder: `${folder}/drawer` }), null)
        : null;
    const { settings, method } = reasoner;
    return {
      kind: 'reasoner',
      reasoner,
      explainers,
      drawer,
      info: {
        ...info({ name, model: reasoner.model, notes, began }),
        kind: 'reasoner',
        method: method.name,
        stages: [...settings.stages],
        hiddenStages: [...settings.hiddenStages],
        visibility: settings.visibility ? { ...settings.visibility } : null,
        sees: settings.image !== undefined,
        fromWords: method.thinksFromWords === true,
        graphs: method.name === 'graph',
        explains: [...new Set(explainers.flatMap((explainer) => explainer.settings.stages))],
        draws: drawer?.settings.stage ?? null,
        milliseconds: performance.now() - began,
      },
    };
  } finally {
    closeFiles(folder);
  }
}

function info({
  name,
  model,
  notes,
  began,
}: {
  name: string;
  model: LanguageModel;
  notes: string[];
  began: number;
}): ModelInfo {
  return {
    name,
    kind: 'model',
    family: model.modelType,
    parameters: model.parameters.entries().reduce((sum, [, { size }]) => sum + size, 0),
    layers: model.dimensions.layers,
    method: null,
    stages: [],
    hiddenStages: [],
    visibility: null,
    sees: false,
    fromWords: false,
    graphs: false,
    explains: [],
    draws: null,
    notes,
    milliseconds: performance.now() - began,
  };
}

function checkFiles({ name, files }: { name: string; files: Record<string, Blob> }): void {
  if (!('config.json' in files))
    throw new Error(
      `${name} is not a model folder: it has no config.json. Choose the folder that a training run or Hugging Face's save_pretrained wrote, such as runs/start/reasoner.`,
    );
  const bytes = weightBytes(Object.entries(files).map(([path, { size }]) => ({ path, size })));
  if (bytes > MOST_BYTES)
    throw new Error(
      `${name} is too large for a page: its weights are ${(bytes / 2 ** 30).toFixed(1)} GiB, and a page holds ${MOST_BYTES / 2 ** 30}. Use a smaller model, or query this one with \`subtext think --json --trace\`.`,
    );
}

/** What a folder may have beside its model: without it, the rest is opened, and what is wrong is told. */
async function optional<Part>(notes: string[], load: () => Promise<Part>, otherwise: Part): Promise<Part> {
  try {
    return await load();
  } catch (error) {
    notes.push(SubtextError.isInstance(error) ? error.message : String(error));
    return otherwise;
  }
}
