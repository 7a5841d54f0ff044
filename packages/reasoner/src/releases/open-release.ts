import { resolveModelFolder } from '@subtext/hub';
import { loadModel } from '@subtext/model';
import { readConfig } from '@subtext/nn';
import type { SafetensorsFile } from '@subtext/safetensors';
import { openWeights } from '@subtext/safetensors/pytorch';
import { loadTokenizer, type Tokenizer } from '@subtext/tokenizer';

import { ReasonerError } from '../errors';
import { FeedbackMap } from '../feedback/feedback-map';
import { latentTokens } from '../methods/latent-prompt';
import { codiFormat, coconutFormat } from '../methods/reasoning-format';
import type { MethodSpecification } from '../methods/registry';
import { Reasoner } from '../reasoner/reasoner';
import { checkpointParts, codiName, type CheckpointParts, type ReleaseName } from './checkpoint-parts';
import { ReleaseWeights } from './release-weights';

export interface OpenReleaseOptions {
  /** What the release's code saved: Coconut's `checkpoint_N`, CODI's folder or its pytorch_model.bin or model.safetensors. */
  checkpoint: string;
  /** The model that was trained, a folder or an id of the hub, for config and tokenizer: checkpoints have neither. */
  base: string;
  /** Whose code saved it; refused where the checkpoint's names say otherwise. @default told by them */
  from?: ReleaseName;
  /**
   * Thoughts before an answer, in all; no checkpoint holds it. @default what the release's GSM8K scripts take: 6, and 10
   * of SIM-CoT's Coconut
   */
  thoughts?: number;
  /** Coconut's c. @default 2, as its GSM8K scripts; its scripts for ProsQA and ProntoQA take 1 */
  thoughtsPerStep?: number;
  /** CODI's LoRA α; no checkpoint holds it. @default 32, as all its scripts */
  loraAlpha?: number;
  onProgress?: (progress: { loaded: number; total: number }) => void;
}

/** A release's checkpoint as a reasoner. */
export interface OpenedRelease {
  /** The caller disposes of it. */
  reasoner: Reasoner;
  /** What it was found to be. */
  release: ReleaseName;
  /** What a person should know: settings that were taken for granted, tensors that were left out. */
  notes: string[];
}

/** Tokens that a release allows an answer; ours allows a fifth more than the longest response, and one. */
const longestResponse = { coconut: 52, cot: 52, codi: 212 } as const;

/**
 * Opens a checkpoint that the code of Coconut (facebookresearch/coconut), CODI (zhenyi4/codi) or SIM-CoT
 * (InternLM/SIM-CoT) saved, as a reasoner: prompts have the very ids of that code, states go through CODI's projection, its
 * adapters are merged. `reasoner.save({ folder })` keeps it.
 *
 * @throws ReasonerError `unknown-checkpoint`, `vocabulary-mismatch`, `invalid-option`; SafetensorsError, ModelFolderError and
 *   TokenizerError for files that cannot be read or do not fit
 */
export async function openRelease({
  checkpoint,
  base: baseOrId,
  from,
  thoughts,
  thoughtsPerStep,
  loraAlpha = 32,
  onProgress,
}: OpenReleaseOptions): Promise<OpenedRelease> {
  const base = await resolveModelFolder({ folder: baseOrId });
  const file = await openWeights({ path: checkpoint });
  let feedback: FeedbackMap | undefined;
  try {
    const parts = checkpointParts({ names: file.names, path: checkpoint });
    const release = parts.supervised ? 'sim-cot' : parts.kind === 'codi' ? 'codi' : 'coconut';
    checkRelease({ from, release, parts, checkpoint });
    const method = methodOf({ parts, thoughts, thoughtsPerStep });
    const notes = [...method.notes, ...notesOn({ parts, file, loraAlpha })];
    const tokenizer = await loadTokenizer({ folder: base });
    const rows = embeddingRows({ file, parts, checkpoint });
    const config = await readConfig({ folder: base });
    addLatentTokens({ tokenizer, kind: parts.kind, rows, modelRows: Number(config.vocab_size), checkpoint, base });
    feedback = await readProjection({ file, parts, checkpoint });
    const settings = {
      format: 1,
      ...method.settings,
      reasoningFormat: (parts.kind === 'codi' ? codiFormat : coconutFormat).name,
      ...endsOf(tokenizer, base),
      thoughtReading: 'before',
      ...(feedback && { feedback: feedback.settings }),
      longestResponse: longestResponse[parts.kind],
    } as const;
    const model = await loadModel({
      folder: base,
      weights: {
        file: new ReleaseWeights({ file, path: checkpoint, parts, alpha: loraAlpha }),
        path: checkpoint,
        config: { vocab_size: rows },
      },
      onProgress,
    });
    if (feedback !== undefined && feedback.width !== model.dimensions.width) {
      model.dispose();
      throw unfit(checkpoint, `its projection is of width ${feedback.width}, its model of ${model.dimensions.width}`);
    }
    // CODI's evaluation never writes the mark that ends thinking.
    if (parts.kind === 'codi')
      model.generationConfig = { ...model.generationConfig, suppress_tokens: [tokenizer.idOf(latentTokens.end)] };
    return { reasoner: new Reasoner({ model, tokenizer, feedback, settings }), release, notes };
  } catch (error) {
    feedback?.dispose();
    throw error;
  } finally {
    await file.close();
  }
}

const unfit = (checkpoint: string, message: string) =>
  new ReasonerError({ code: 'unknown-checkpoint', message: `${checkpoint}: ${message}. Is it whole?` });

async function readProjection({
  file,
  parts: { projection },
  checkpoint,
}: {
  file: SafetensorsFile;
  parts: CheckpointParts;
  checkpoint: string;
}): Promise<FeedbackMap | undefined> {
  if (projection.size === 0) return undefined;
  const first = projection.get('hidden.weight');
  const width = first === undefined ? undefined : file.entry(first).shape[1];
  if (width === undefined) throw unfit(checkpoint, 'it has a part of a projection, without prj.1.weight');
  return FeedbackMap.read({ file, path: checkpoint, width, nameIn: (name) => projection.get(name) ?? codiName(name) });
}

function checkRelease({
  from,
  release,
  parts,
  checkpoint,
}: {
  from?: ReleaseName;
  release: ReleaseName;
  parts: CheckpointParts;
  checkpoint: string;
}): void {
  // SIM-CoT also saves checkpoints without its decoder: Coconut's or CODI's, by name.
  if (from === undefined || from === release || (from === 'sim-cot' && !parts.supervised)) return;
  throw new ReasonerError({
    code: 'unknown-checkpoint',
    message: `${checkpoint} is said to be of ${from}; by the names of its tensors it is of ${release}. Leave out where it comes from, or take the other file.`,
  });
}

/** The method that lays questions out as the release does, with its stages. */
function methodOf({
  parts: { kind, supervised },
  thoughts,
  thoughtsPerStep,
}: {
  parts: CheckpointParts;
  thoughts?: number;
  thoughtsPerStep?: number;
}): {
  settings: { method: MethodSpecification; stages: string[]; hiddenStages: string[] };
  notes: string[];
} {
  const fail = (message: string): never => {
    throw new ReasonerError({ code: 'invalid-option', message });
  };
  if (kind !== 'coconut' && thoughtsPerStep !== undefined)
    fail(
      `thoughtsPerStep is a setting of Coconut; this checkpoint ${kind === 'cot' ? 'thinks in words' : "is CODI's"}.`,
    );
  if (kind === 'cot') {
    if (thoughts !== undefined) fail('This checkpoint thinks in words: it takes no number of thoughts.');
    return {
      settings: { method: { name: 'cot' }, stages: [], hiddenStages: [] },
      notes: ['a language model without thoughts: taken for a chain in words, as stage 0 of Coconut trains it'],
    };
  }
  const all = thoughts ?? (kind === 'coconut' && supervised ? 10 : 6);
  const each = thoughtsPerStep ?? (kind === 'coconut' ? 2 : 1);
  const notes =
    thoughts === undefined
      ? [`${all} thoughts before an answer, as in the release's scripts for GSM8K: the checkpoint does not say`]
      : [];
  if (!Number.isInteger(all) || all < 1 || !Number.isInteger(each) || each < 1 || all % each !== 0)
    fail(`${all} thoughts are no whole number of steps with ${each} each. Give both, such as 6 and 1.`);
  if (kind === 'codi') {
    const stages = ['thought'];
    return { settings: { method: { name: 'codi', count: all }, stages, hiddenStages: stages }, notes };
  }
  const steps = all / each;
  const stages = Array.from({ length: steps }, (_, index) => `step_${index + 1}`);
  const options = { hiddenSteps: steps, thoughtsPerStep: each };
  return {
    settings: { method: { name: supervised ? 'sim-cot' : 'coconut', ...options }, stages, hiddenStages: stages },
    notes,
  };
}

/** Rows of the token embedding, which the output layer may stand for. */
function embeddingRows({
  file,
  parts,
  checkpoint,
}: {
  file: SafetensorsFile;
  parts: CheckpointParts;
  checkpoint: string;
}): number {
  for (const name of ['transformer.wte.weight', 'model.embed_tokens.weight', 'lm_head.weight']) {
    const source = parts.model.get(name);
    const rows = source === undefined ? undefined : file.entry(source).shape[0];
    if (rows !== undefined) return rows;
  }
  throw new ReasonerError({
    code: 'unknown-checkpoint',
    message: `${checkpoint} has no token embedding: it was cut short, or is of a family that these releases do not train (GPT-2, Llama).`,
  });
}

/**
 * Gives the tokenizer what the release's code gives it. Coconut adds its three tokens to the tokenizer and sizes the model
 * by it; CODI sizes the model by its config and counts on: padding, which holds a thought's place here, then begin and end.
 */
function addLatentTokens({
  tokenizer,
  kind,
  rows,
  modelRows,
  checkpoint,
  base,
}: {
  tokenizer: Tokenizer;
  kind: CheckpointParts['kind'];
  rows: number;
  /** Of the base, by its config. */ modelRows: number;
  checkpoint: string;
  base: string;
}): void {
  const { start, latent, end } = latentTokens;
  const own = tokenizer.vocabularySize;
  const before = kind === 'codi' ? modelRows : own;
  const expected = kind === 'cot' ? modelRows : before + 3;
  if (rows !== expected || own > before)
    throw new ReasonerError({
      code: 'vocabulary-mismatch',
      message:
        `${checkpoint} has ${rows} rows in its token embedding; with ${base} it would have ${expected} ` +
        `(${kind === 'cot' ? 'its config' : kind === 'codi' ? 'its config and 3 more' : 'its tokenizer and 3 more'}). Give the folder of the model that was trained, as it was before.`,
    });
  if (kind === 'cot') return;
  // Rows that the model has beyond its tokenizer keep their places.
  const spare = Array.from({ length: before - own }, (_, index) => `<|spare-${index}|>`);
  tokenizer.addTokens([...spare, ...(kind === 'codi' ? [latent, start, end] : [start, end, latent])]);
}

/** The tokens that the tokenizer puts before a text, such as `<|begin_of_text|>`, and the one that ends an answer. */
function endsOf(tokenizer: Tokenizer, base: string): { prefix: string[]; endToken: string } {
  const { endId } = tokenizer;
  if (endId === undefined)
    throw new ReasonerError({
      code: 'invalid-option',
      message: `${base}: its tokenizer names no eos_token, with which these models end an answer.`,
    });
  const text = 'a';
  const plain = tokenizer.encode(text, { addSpecialTokens: false }).ids;
  const { ids } = tokenizer.encode(text);
  const prefix = ids.slice(0, ids.length - plain.length);
  if ([...prefix, ...plain].join() !== ids.join())
    throw new ReasonerError({
      code: 'invalid-option',
      message: `${base}: its tokenizer adds tokens behind a text, which the releases of Coconut and CODI do not reckon with.`,
    });
  return { prefix: prefix.map((id) => tokenizer.tokenOf(id)), endToken: tokenizer.tokenOf(endId) };
}

function notesOn({
  parts: { adapters, leftOut },
  file,
  loraAlpha,
}: {
  parts: CheckpointParts;
  file: SafetensorsFile;
  loraAlpha: number;
}): string[] {
  const notes: string[] = [];
  const [adapter] = adapters.values();
  if (adapter !== undefined)
    notes.push(
      `${adapters.size} adapters of rank ${file.entry(adapter.a).shape[0]} were merged with α = ${loraAlpha}: the checkpoint does not say it`,
    );
  if (leftOut.length > 0)
    notes.push(`${leftOut.length} tensors of the auxiliary decoder were left out: thinking does not need it`);
  return notes;
}
