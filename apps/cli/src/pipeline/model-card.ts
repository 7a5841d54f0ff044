import { readTextFile } from '@subtext/core/node';
import { writeModelCard } from '@subtext/trainer';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse, stringify } from 'yaml';

import type { TrainConfiguration } from '../configuration/schema';
import { machineRecord } from '../machine-record';

/** What a saved model is: the whole model that thinks, an adapter for PEFT, or an interpreter, which puts thoughts into words. */
export type CardKind = 'reasoner' | 'adapter' | 'interpreter';

/** Methods whose thoughts are hidden states that are fed back, which transformers does not do. */
const fedBack: readonly string[] = ['coconut', 'sim-cot', 'adaptive', 'codi', 'graph'];

const names: Readonly<Record<string, string>> = {
  'no-cot': 'answers without a chain of thought',
  cot: 'chain of thought in words',
  icot: 'implicit chain of thought (iCoT)',
  pause: 'pause tokens',
  heima: 'thinking tokens (Heima)',
  coconut: 'continuous thoughts (Coconut)',
  'sim-cot': 'continuous thoughts, supervised step by step (SIM-CoT)',
  adaptive: 'continuous thoughts, as many as a question needs',
  codi: 'continuous thoughts, distilled from a chain in words (CODI)',
  graph: 'continuous thoughts over graphs (Coconut)',
};

/** What a card tells of a run, of whichever kind. */
export interface TrainedModel {
  method: { name: string };
  /** Whether it takes pictures. */ pictures: boolean;
  /** `model.from`, or that of the interpreters. */ from?: string;
  /** What it was trained on: a format or a generator, and how many. */ data: string;
  steps: number;
  /** Further lines of the table, by name. */ settings: Readonly<Record<string, string | number>>;
}

/** What a run of a configuration trained. */
export function trainedModel({
  configuration: { method, model, interpreters, training, data, seed },
  kind,
  examples,
  steps,
}: {
  configuration: TrainConfiguration;
  kind: CardKind;
  /** How many. */ examples: number;
  steps: number;
}): TrainedModel {
  const { name, ...options } = method;
  const own = kind === 'interpreter' ? interpreters?.model : model;
  return {
    method,
    pictures: data.images && kind !== 'interpreter',
    from: own?.from === 'reasoner' ? undefined : own?.from,
    data: `${examples} examples in the format \`${data.format}\`${data.images ? '' : ', without their pictures'}`,
    steps,
    settings: {
      Method: `\`${JSON.stringify({ name, ...options })}\``,
      ...(own?.lora && { Adapter: `LoRA, rank ${own.lora.rank}, alpha ${own.lora.alpha}` }),
      'Learning rate': training.learningRate,
      'Batch size': training.batchSize,
      Seed: seed,
    },
  };
}

/** The front matter of a model's own card, as far as it can be read. */
async function frontMatterOf(folder: string): Promise<Record<string, unknown>> {
  try {
    const text = await readTextFile({ path: join(folder, 'README.md'), maximumBytes: 2 ** 20 });
    const value = parse(/^---\n([^]*?)\n---/.exec(text)?.[1] ?? '') as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The id on the Hub of the model beneath, and its licence, where they are known: from what was asked for, or from a folder's own card. */
async function originOf(from: string | undefined): Promise<{ id?: string; license?: string }> {
  if (from === undefined) return {};
  if (!existsSync(from)) return /^[\w.-]+\/[\w.-]+$/.test(from) ? { id: from } : {};
  const { base_model: id, license } = await frontMatterOf(from);
  return {
    ...(typeof id === 'string' && { id }),
    ...(typeof license === 'string' && { license }),
  };
}

function loading({ kind, method, pictures }: Pick<TrainedModel, 'method' | 'pictures'> & { kind: CardKind }): string {
  const automatic = pictures ? 'AutoModelForImageTextToText' : 'AutoModelForCausalLM';
  const processor = pictures ? 'AutoProcessor' : 'AutoTokenizer';
  if (kind === 'adapter')
    return `With PEFT, which makes room for the tokens of the tokenizer beside the adapter:

\`\`\`python
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

model = AutoPeftModelForCausalLM.from_pretrained("FOLDER_OR_ID")
tokenizer = AutoTokenizer.from_pretrained("FOLDER_OR_ID")
\`\`\`

With Subtext: the folder above this one holds the model with the adapter merged in.`;
  const python = `\`\`\`python
from transformers import ${automatic}, ${processor}

model = ${automatic}.from_pretrained("FOLDER_OR_ID")
${pictures ? 'processor' : 'tokenizer'} = ${processor}.from_pretrained("FOLDER_OR_ID")
\`\`\``;
  if (kind === 'interpreter')
    return `With Subtext, from the reasoner's folder, in whose \`interpreters\` this one stands:

\`\`\`sh
npx --package @subtext/cli subtext think "QUESTION" --model FOLDER_OR_ID --explain
\`\`\`

\`model.safetensors\` is an ordinary language model for transformers; \`projector.safetensors\` brings thoughts into its input.`;
  return `With Subtext:

\`\`\`sh
npm install @subtext/cli
npx --package @subtext/cli subtext think "QUESTION" --model FOLDER_OR_ID${pictures ? ' --image FILE' : ''}
\`\`\`

With transformers:

${python}

${
  fedBack.includes(method.name)
    ? 'transformers reads the weights, and writes no thoughts: they are hidden states that are fed back as the next input, so that `generate` there gives other answers than Subtext.'
    : 'Thoughts are tokens of the vocabulary. `subtext.json` says which tokens begin a prompt and which stages are hidden.'
}`;
}

/** Writes the card of a model that was saved: what the Hugging Face Hub shows. A card of the user's own stays. */
export async function writeCard({
  folder,
  kind,
  name,
  trained,
}: {
  /** The saved model's. */ folder: string;
  kind: CardKind;
  /** The run's folder. */ name: string;
  trained: TrainedModel;
}): Promise<void> {
  const { method, pictures, from, data, steps, settings } = trained;
  const { id, license } = await originOf(from);
  const { engine, subtext, node } = machineRecord();
  const frontMatter = {
    ...(license !== undefined && { license }),
    ...(id !== undefined && { base_model: id, base_model_relation: kind === 'adapter' ? 'adapter' : 'finetune' }),
    library_name: kind === 'adapter' ? 'peft' : 'transformers',
    pipeline_tag: pictures ? 'image-text-to-text' : 'text-generation',
    tags: ['subtext', 'latent-reasoning', method.name, ...(kind === 'reasoner' ? [] : [kind])],
  };
  const what = {
    reasoner: `A model that reasons by ${names[method.name] ?? method.name}, trained with Subtext.`,
    adapter: `A low-rank adapter for a model that reasons by ${names[method.name] ?? method.name}, trained with Subtext.`,
    interpreter: `Puts the thoughts of a reasoner (${names[method.name] ?? method.name}) into words; trained with Subtext.`,
  }[kind];
  const rows: Record<string, string | number> = {
    'Starts from': id ?? (from === undefined ? 'random weights' : basename(from)),
    Data: data,
    ...settings,
    Steps: steps,
    Versions: `Subtext ${subtext}, engine ${engine ?? 'unknown'}, Node ${node}`,
  };
  if (kind === 'interpreter' && from === undefined) delete rows['Starts from'];
  const text = `# ${basename(name)}${kind === 'reasoner' ? '' : `: ${kind}`}

${what}${license === undefined ? ' Its licence is not stated: add `license:` above before you publish it.' : ''}

## How it was trained

| | |
| - | - |
${Object.entries(rows)
  .map(([key, value]) => `| ${key} | ${String(value).replaceAll('|', '\\|')} |`)
  .join('\n')}

## How to load it

${loading({ kind, method, pictures })}

\`FOLDER_OR_ID\` is this folder, or its id once it is published: \`hf upload OWNER/NAME FOLDER\`.`;
  await writeModelCard({ folder, frontMatter: stringify(frontMatter), text });
}
