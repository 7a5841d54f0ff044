import { readTextFile } from '@subtext/core/node';
import type { LoraSettings } from '@subtext/nn';
import { engineName } from '@subtext/tensor';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';

import { version } from '../../package.json';
import type { SavedModel } from '../run/run-options';
import { loadingSection } from './loading-section';
import { writeModelCard } from './model-card';

/** What a card tells of a run, beside the model. */
export interface CardSubject {
  /** The method with its options. */
  method: { name: string };
  /** Whether the model takes pictures. */
  pictures: boolean;
  /** Whether states are fed back as inputs. */
  feedsBack: boolean;
  /** Whether there is a visibility table. */
  visibility: boolean;
  /** What the model was before: a folder, or an id on the hub. @default random weights, or a copy of the reasoner */
  from?: string;
  lora?: Pick<LoraSettings, 'rank' | 'alpha'>;
  /** What it was trained on, in words. @default how many examples */
  data?: string;
  /** Further lines of the table, by name. */
  settings: Readonly<Record<string, string | number>>;
}

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

/** Writes the card of a model that a run saved: what the Hugging Face Hub shows. A card of the user's own stays. */
export async function writeRunCard({
  model: { kind, folder, steps, examples },
  run,
  subject,
}: {
  model: SavedModel;
  /** The run's folder, after which the model is called. */ run: string;
  subject: CardSubject;
}): Promise<void> {
  const { method, pictures, from, lora, data = `${examples} examples`, settings } = subject;
  const { id, license } = await originOf(from);
  const frontMatter = {
    ...(license !== undefined && { license }),
    ...(id !== undefined && { base_model: id, base_model_relation: kind === 'adapter' ? 'adapter' : 'finetune' }),
    library_name: kind === 'adapter' ? 'peft' : 'transformers',
    pipeline_tag: pictures ? 'image-text-to-text' : 'text-generation',
    tags: ['subtext', 'latent-reasoning', method.name, ...(kind === 'reasoner' ? [] : [kind])],
  };
  const thinking = names[method.name] ?? method.name;
  const what = {
    reasoner: `A model that reasons by ${thinking}, trained with Subtext.`,
    adapter: `A low-rank adapter for a model that reasons by ${thinking}, trained with Subtext.`,
    interpreter: `Puts the thoughts of a reasoner (${thinking}) into words; trained with Subtext.`,
  }[kind];
  const rows: Record<string, string | number> = {
    ...((kind !== 'interpreter' || from !== undefined) && {
      'Starts from': id ?? (from === undefined ? 'random weights' : basename(from)),
    }),
    Data: data,
    Method: `\`${JSON.stringify(method)}\``,
    ...(lora && { Adapter: `LoRA, rank ${lora.rank}, alpha ${lora.alpha}` }),
    ...settings,
    Steps: steps,
    Versions: `@subtext/trainer ${version}, engine ${engineName()}, Node ${process.versions.node}`,
  };
  const text = `# ${basename(run)}${kind === 'reasoner' ? '' : `: ${kind}`}

${what}${license === undefined ? ' Its licence is not stated: add `license:` above before you publish it.' : ''}

## How it was trained

| | |
| - | - |
${Object.entries(rows)
  .map(([key, value]) => `| ${key} | ${String(value).replaceAll('|', '\\|')} |`)
  .join('\n')}

## How to load it

${loadingSection({ kind, subject })}

\`FOLDER_OR_ID\` is this folder, or its id once it is published: \`hf upload OWNER/NAME FOLDER\`.`;
  // JSON is YAML.
  const lines = Object.entries(frontMatter).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  await writeModelCard({ folder, frontMatter: lines.join('\n'), text });
}

/** The id on the Hub of the model beneath, and its licence, where they are known: from what was asked for, or from a folder's own card. */
async function originOf(from: string | undefined): Promise<{ id?: string; license?: string }> {
  if (from === undefined) return {};
  if (!existsSync(from)) return /^[\w.-]+\/[\w.-]+$/.test(from) ? { id: from } : {};
  const card = await readTextFile({ path: join(from, 'README.md'), maximumBytes: 2 ** 20 }).catch(() => '');
  const frontMatter = /^---\n([^]*?)\n---/.exec(card)?.[1] ?? '';
  // One word, in quotes or without; what else YAML may say there is not guessed at.
  const word = (key: string) => new RegExp(`^${key}: *(["']?)([\\w./-]+)\\1 *$`, 'm').exec(frontMatter)?.[2];
  const [id, license] = [word('base_model'), word('license')];
  return { ...(id !== undefined && { id }), ...(license !== undefined && { license }) };
}
