import { printable } from '@subtext/core';
import { endOfTextIds, generate, loadModel } from '@subtext/model';
import { writeSafetensors } from '@subtext/safetensors';
import { useEngine, type EngineName, type WeightDtype } from '@subtext/tensor';
import {
  createOutput,
  dtypeOption,
  engineFor,
  engineOption,
  findModel,
  includeOption,
  interruptSignal,
  nonNegativeNumber,
  outputEnded,
  positiveWholeNumber,
  UsageError,
  wholeNumber,
  writeErrorLine,
  writeOut,
} from '@subtext/terminal';
import { loadTokenizer } from '@subtext/tokenizer';
import { Command } from 'commander';

import { generateFromInputs } from '../forward/generate-from-inputs';
import { openAnyModel } from '../forward/open-any-model';
import { readInputs } from '../forward/read-inputs';
import { includeFiles } from '../include';
import { modelWork } from '../pipeline/model-work';
import { modelWithPacks, packOption } from '../pipeline/packs';

interface GenerateCommandOptions {
  model: string;
  inputs?: string;
  output?: string;
  pack: string[];
  maxNewTokens: number;
  temperature: number;
  topK?: number;
  topP?: number;
  minP?: number;
  repetitionPenalty: number;
  seed: number;
  ignoreEnd: boolean;
  raw: boolean;
  include: string[];
  dtype: WeightDtype;
  engine: EngineName | 'auto';
  json: boolean;
}

export function generateCommand(): Command {
  return new Command('generate')
    .argument('[prompt]', 'the text to continue')
    .requiredOption('--model <folder>', 'a Hugging Face model folder or Hub id')
    .option('--inputs <file>', 'instead of a text: safetensors with input_ids, and pixel_values for vision models')
    .option(
      '--output <file>',
      'with --inputs: safetensors file to write; "greedy" is prompt and continuation, [batch, time]',
    )
    .addOption(packOption())
    .option('--max-new-tokens <count>', 'maximum number of new tokens', positiveWholeNumber, 256)
    .option('--temperature <number>', 'sampling temperature; 0 is greedy', nonNegativeNumber, 0)
    .option('--top-k <count>', 'sample from the k most likely tokens', positiveWholeNumber)
    .option('--top-p <share>', 'sample from the most likely tokens with this total probability', nonNegativeNumber)
    .option('--min-p <share>', 'sample from tokens with at least this share of the top probability', nonNegativeNumber)
    .option(
      '--repetition-penalty <number>',
      'above 1 makes tokens that already occur less likely',
      nonNegativeNumber,
      1,
    )
    .option('--seed <number>', 'sampling seed', wholeNumber, 0)
    .option('--ignore-end', 'keep generating after the model ends its text', false)
    .option('--raw', 'do not escape control characters if the output is a file or a pipe', false)
    .addOption(includeOption())
    .addOption(dtypeOption())
    .addOption(engineOption())
    .option('--json', 'print one JSON object per line', false)
    .action(async (prompt: string | undefined, options: GenerateCommandOptions) => {
      if ((prompt === undefined) === (options.inputs === undefined))
        throw new UsageError('Give either a text to continue or --inputs FILE, not both.');
      if (options.inputs === undefined && options.output !== undefined)
        throw new UsageError('--output goes with --inputs; a text is written to the standard output.');
      if (options.inputs !== undefined && options.output === undefined)
        throw new UsageError('--inputs needs --output FILE.');
      if (options.inputs !== undefined && options.pack.length > 0)
        throw new UsageError('--pack goes with a text to continue; leave --inputs out.');
      if (options.raw && process.stdout.isTTY)
        throw new UsageError(
          '--raw is for files and pipes: what a model writes could set colours, titles and more of this terminal.',
        );
      await includeFiles(options.include);
      const signal = interruptSignal({ saves: false });
      const found = { ...options, model: await findModel({ model: options.model, signal }), signal };
      if (prompt === undefined) await generateFile(found);
      else await generateText({ ...found, prompt });
    });
}

/** `--inputs` to `--output`. */
async function generateFile({
  model: folder,
  inputs: inputsPath,
  output: path,
  maxNewTokens,
  temperature,
  topK,
  topP,
  minP,
  repetitionPenalty,
  ignoreEnd,
  dtype,
  engine,
  json,
  signal,
}: GenerateCommandOptions & { signal: AbortSignal }): Promise<void> {
  if (temperature > 0 || repetitionPenalty !== 1 || [topK, topP, minP].some((limit) => limit !== undefined))
    throw new UsageError(
      'Generation from --inputs is greedy: leave --temperature, --top-k, --top-p, --min-p and --repetition-penalty out.',
    );
  const output = createOutput({ json });
  const { name } = await useEngine({ engine: engineFor({ engine, dtype }) });
  const opened = await openAnyModel({ folder, dtype });
  if (opened.kind === 'vision')
    throw new UsageError(`${folder} is a vision encoder, which cannot generate text; use "subtext forward".`);
  const { model } = opened;
  // Positions follow from the mask.
  const inputs = await readInputs({
    path: inputsPath!,
    known: opened.inputs.filter((input) => input !== 'position_ids'),
    model: folder,
  });
  const { shape, data } = await generateFromInputs({ model, inputs, maxNewTokens, stopAtEnd: !ignoreEnd, signal });
  await writeSafetensors({
    path: path!,
    tensors: { greedy: { dtype: 'I64', shape, data: BigInt64Array.from(data, BigInt) } },
    metadata: { format: 'pt' },
  });
  output.event(
    { event: 'generated', engine: name, output: path, shapes: { greedy: shape } },
    `Wrote ${path} (${name}):\n  greedy [${shape.join(', ')}]`,
  );
}

/** A text, shown while it is written. */
async function generateText({
  model: folder,
  pack: packs,
  prompt,
  maxNewTokens,
  temperature,
  topK,
  topP,
  minP,
  repetitionPenalty,
  seed,
  ignoreEnd,
  raw,
  dtype,
  engine,
  json,
  signal,
}: GenerateCommandOptions & { prompt: string; signal: AbortSignal }): Promise<void> {
  const output = createOutput({ json });
  const work = await modelWork({ folder, positions: prompt.length / 3 + maxNewTokens });
  await useEngine({ engine: engineFor({ engine, dtype }), work });
  const tokenizer = await loadTokenizer({ folder });
  const onNote = (note: string) => writeErrorLine(`${folder}: ${note}`);
  const loaded = await loadModel({ folder, dtype, trainable: false, onNote });
  const model = await modelWithPacks({ model: loaded, paths: packs });
  // What stands before a text is in the packs already.
  const { ids } = tokenizer.encode(prompt, { addSpecialTokens: packs.length === 0 });
  if (ids.length === 0)
    throw new UsageError('The text is empty, and the tokenizer adds no start token: there is nothing to continue.');
  const stopIds = ignoreEnd
    ? []
    : [...new Set([...endOfTextIds({ model }), ...(tokenizer.endId === undefined ? [] : [tokenizer.endId])])];
  const stream = tokenizer.decodeStream({ skipSpecialTokens: true });
  for (const id of ids) stream.push(id);
  const show = (text: string, id?: number) => {
    if (json) output.event({ event: 'token', id, text });
    else writeOut(raw ? text : printable(text));
  };
  if (!json) writeOut(raw ? prompt : printable(prompt));
  const began = performance.now();
  const generation = await generate({
    model,
    inputs: [ids],
    maxNewTokens,
    temperature,
    topK,
    topP,
    minP,
    repetitionPenalty,
    seed,
    stopIds,
    signal: AbortSignal.any([signal, outputEnded]),
    onToken: ({ id }) => show(stopIds.includes(id) ? '' : stream.push(id), id),
  });
  const rest = stream.finish();
  if (rest !== '') show(rest);
  const seconds = (performance.now() - began) / 1000;
  const [generated] = generation.ids as [number[]];
  const [reason] = generation.reasons;
  const rate = generated.length / seconds;
  if (json)
    output.event({
      event: 'generated',
      prompt,
      promptIds: ids,
      ids: generated,
      text: tokenizer.decode([...ids, ...generated], { skipSpecialTokens: true }),
      reason,
      seconds,
      tokensPerSecond: rate,
    });
  else {
    writeOut('\n');
    writeErrorLine(`${generated.length} tokens, ${rate.toFixed(0)} a second (${reason})`);
  }
  model.dispose();
  if (reason === 'aborted') process.exitCode = 130;
}
