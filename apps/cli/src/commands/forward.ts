import { writeSafetensors } from '@subtext/safetensors';
import { useEngine, type EngineName } from '@subtext/tensor';
import { createOutput, engineOption, findModel, includeOption, interruptSignal } from '@subtext/terminal';
import { Command } from 'commander';

import { computeOutputs } from '../forward/compute-outputs';
import { openAnyModel } from '../forward/open-any-model';
import { readInputs } from '../forward/read-inputs';
import { includeFiles } from '../include';

interface ForwardCommandOptions {
  model: string;
  inputs: string;
  output: string;
  include: string[];
  engine: EngineName | 'auto';
  json: boolean;
}

export function forwardCommand(): Command {
  return new Command('forward')
    .requiredOption('--model <folder>', 'a Hugging Face model folder or Hub id')
    .requiredOption(
      '--inputs <file>',
      'safetensors: input_ids, attention_mask, position_ids, inputs_embeds, pixel_values, …',
    )
    .requiredOption(
      '--output <file>',
      'safetensors file to write: logits, hidden_states.0 … L; for vision encoders last_hidden_state, pooler_output',
    )
    .addOption(includeOption())
    .addOption(engineOption())
    .option('--json', 'print one JSON object', false)
    .action(async ({ model, inputs: inputsPath, output: path, include, engine, json }: ForwardCommandOptions) => {
      const output = createOutput({ json });
      await includeFiles(include);
      const folder = await findModel({ model, signal: interruptSignal({ saves: false }) });
      const { name } = await useEngine({ engine });
      const opened = await openAnyModel({ folder });
      const inputs = await readInputs({ path: inputsPath, known: opened.inputs, model: folder });
      const began = performance.now();
      const outputs = await computeOutputs({ opened, inputs });
      const seconds = (performance.now() - began) / 1000;
      await writeSafetensors({ path, tensors: outputs, metadata: { format: 'pt' } });
      const shapes = Object.fromEntries(Object.entries(outputs).map(([output, { shape }]) => [output, shape]));
      output.event(
        { event: 'forward', engine: name, seconds, output: path, shapes },
        `Wrote ${path} (${name}, ${(seconds * 1000).toFixed(0)} ms):\n${Object.entries(shapes)
          .map(([output, shape]) => `  ${output} [${shape.join(', ')}]`)
          .join('\n')}`,
      );
    });
}
