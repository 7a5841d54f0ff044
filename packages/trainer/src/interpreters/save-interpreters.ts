import { Explainer, Interpreter, Projector } from '@subtext/decoder';
import { loadModel } from '@subtext/model';
import { addLora, type LoraSettings, mergeLora, saveAdapter } from '@subtext/nn';
import { join } from 'node:path';

import type { TrainingProgram } from '../program/training-program';
import type { PreparedInterpreters } from './prepare-interpreters';

/** Saves the trained interpreters, each to its folder: the model, with an adapter merged in and the adapter by itself, its own tokenizer, the projector. */
export async function saveInterpreters({
  prepared,
  program,
  folders,
  seed,
  baseModel = null,
}: {
  prepared: PreparedInterpreters;
  program: TrainingProgram;
  /** One for each interpreter. */
  folders: readonly string[];
  seed: number;
  /** What the adapter's config names as the model beneath it. @default null */
  baseModel?: string | null;
}): Promise<void> {
  for (const [index, specification] of prepared.interpreters.entries()) {
    const folder = folders[index]!;
    const model = await loadModel({ folder: prepared.initial[index]! });
    const { lora } = specification.model as { lora?: LoraSettings & { trainTokens?: boolean } };
    if (lora) addLora({ model, ...lora, seed });
    const projector = new Projector({ ...specification.projector, outputWidth: model.dimensions.width });
    const prefix = `interpreters/${specification.name}`;
    for (const { name, variable } of program.parameters) {
      if (name.startsWith(`${prefix}/model/`))
        model.parameters.get(name.slice(`${prefix}/model/`.length)).assign(variable);
      if (name.startsWith(`${prefix}/projector/`))
        projector.parameters.get(name.slice(`${prefix}/projector/`.length)).assign(variable);
    }
    if (lora) {
      const adapter = join(folder, 'adapter');
      await saveAdapter({ model, folder: adapter, baseModel });
      await prepared.tokenizer.save({ folder: adapter });
      mergeLora({ model });
    }
    const explainer = new Explainer({
      interpreter: Interpreter.of({ name: specification.name, stages: specification.stages, model, projector }),
      tokenizer: prepared.tokenizer,
      settings: prepared.settings[index]!,
    });
    await explainer.save({ folder });
    explainer.dispose();
  }
}
