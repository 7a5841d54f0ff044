import type { ReasoningExample } from '@subtext/data';
import type { Reasoner } from '@subtext/reasoner';
import { engineName } from '@subtext/tensor';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { EvaluationError } from '../errors';
import { probeReasoner, type ReasonerProbes } from '../probes/probe-reasoner';
import { hashFolder } from '../results/content-hash';
import { inRunFolder } from '../results/in-run-folder';
import type { MadeWith } from '../run/evaluate-model';
import type { EvaluationListener } from '../run/evaluation-event';
import { askedOf, openReasoner } from '../run/open-model';
import { type EvaluationTask, isCandidate } from '../tasks/evaluation-task';
import type { LoadedTask } from '../tasks/registry';
import { auditInterpreters } from './audit-interpreters';
import type { InterpreterAudit } from './audit-interpreter';
import { verdictWords } from './audit-sections';
import { auditThoughts, type ThoughtAudit } from './audit-thoughts';
import { commonestAnswerFloor } from './commonest-answer-floor';
import { keepThoughtRuns } from './kept-runs';
import { measureRetained } from './measure-retained';
import { ReasonerThoughts } from './reasoner-thoughts';
import type { RetainedInformation } from './retained-information';

/** Options of {@link auditModel}. */
export interface AuditModelOptions extends MadeWith {
  /** The reasoner's folder; its `interpreters/` are audited too. */
  model: string;
  /** What it is asked. */
  loaded: Pick<LoadedTask, 'task' | 'examples' | 'faults' | 'dataHash'>;
  /** Where finished parts are kept; a broken audit is resumed. */
  folder: string;
  /** Folders of reasoners without a chain and with a written one, for the retained information. @default not measured */
  retained?: { withoutChain: string; written: string };
  /** Accuracy that needs no thought. @default that of the commonest answer of each kind of question */
  floor?: number;
  /** The limit that the examples were read with, for the record. @default none */
  limit?: number;
  /** Questions side by side. @default 32 */
  batch?: number;
  /** Of the interventions and the resampling. @default 0 */
  seed?: number;
  /** Whether the thoughts are probed. @default true */
  probes?: boolean;
  onEvent?: EvaluationListener;
  /** Stops between batches; finished parts are kept. */
  signal?: AbortSignal;
}

/** What an audit found, as `audit.json` holds it. */
export interface AuditResult {
  model: string;
  task: string;
  engine: string;
  /** Engine, processor, and Subtext's commit where it is known. */
  machine: Record<string, string | number>;
  seed: number;
  versions: Record<string, string>;
  count: number;
  /** Examples that could not be asked, such as ones whose picture cannot be read. */
  left: { id: string; message: string }[];
  thoughts: ThoughtAudit;
  retained: RetainedInformation | null;
  interpreters: { name: string; audit: InterpreterAudit }[];
  /** Held-out accuracies of the probes. */
  probes: {
    name: string;
    accuracy: number;
    shuffled: number;
    control: number | null;
    selectivity: number | null;
    majority: number;
  }[];
}

/** A finished audit, with what its report shows beside the result. */
export interface ModelAudit {
  result: AuditResult;
  task: EvaluationTask;
  probes: ReasonerProbes | null;
  /** The text of a token id, as the model's tokenizer writes it. */
  tokenText: (id: number) => string;
}

/**
 * Audits a model's thoughts and its interpreters, and probes what the thoughts hold: the questions of an evaluation, each
 * asked with its own thoughts and again under every intervention. Every finished condition is kept in the folder.
 *
 * @throws EvaluationError invalid-option for a task that a judge scores; empty-set where no example can be asked, or none
 *   has a thought; invalid-result-file where the folder holds another audit.
 */
export async function auditModel(options: AuditModelOptions): Promise<ModelAudit> {
  const { model, loaded, folder, limit, seed = 0, onEvent } = options;
  checkAuditable(loaded.task);
  const reasoner = await openReasoner({ folder: model, loaded: [loaded] });
  try {
    const { task, examples: all } = askedOf({ reasoner, loaded });
    const { examples, left } = await readableExamples(all);
    if (examples.length === 0)
      throw new EvaluationError({
        code: 'empty-set',
        message: `No example can be asked; the first, ${left[0]?.id}: ${left[0]?.message}`,
      });
    for (const { id, message } of left) onEvent?.({ event: 'notice', text: `  ${id} is left out: ${message}` });
    return await inRunFolder({
      folder,
      modelHash: await hashFolder(model),
      loaded: [{ task, examples }],
      settings: { audit: 2, seed, limit: limit ?? null, engine: engineName() },
      work: async ({ run }) => {
        if (run.resumed) onEvent?.({ event: 'resumed', folder });
        const found = await auditOpened({ ...options, task, examples, left, reasoner });
        const { tokenizer } = reasoner;
        return { ...found, task, tokenText: (id: number) => tokenizer.decode([id], { skipSpecialTokens: false }) };
      },
    });
  } finally {
    reasoner.dispose();
  }
}

/** An audit asks each question a dozen times, more than a judge is asked. @throws EvaluationError invalid-option */
export function checkAuditable(task: EvaluationTask): void {
  if (task.judge)
    throw new EvaluationError({
      code: 'invalid-option',
      message: `Task "${task.name}" is scored by a judge, and an audit scores each question a dozen times; take a task that rules score, or your own data with --format and --score.`,
    });
}

async function auditOpened({
  model,
  folder,
  retained: beside,
  batch = 32,
  seed = 0,
  probes: probed = true,
  machine,
  versions,
  onEvent,
  signal,
  task,
  examples,
  left,
  reasoner,
  floor = commonestAnswerFloor({ examples }),
}: AuditModelOptions & {
  task: EvaluationTask;
  examples: ReasoningExample[];
  left: AuditResult['left'];
  reasoner: Reasoner;
}): Promise<Pick<ModelAudit, 'result' | 'probes'>> {
  const kept = join(folder, 'runs');
  await mkdir(kept, { recursive: true });
  const progress =
    (label: string) =>
    ({ name: details, ...rest }: { done: number; total: number; name?: string }) =>
      onEvent?.({ event: 'progress', label, ...rest, ...(details === undefined ? {} : { details }) });

  onEvent?.({ event: 'stage', text: 'Are the thoughts used?' });
  const subject = new ReasonerThoughts({ reasoner, task, batch, signal, onProgress: progress('answering') });
  const answers = await subject.answers({ examples });
  const category = examples.some(({ category: kind }) => kind !== undefined);
  const thoughts = await auditThoughts({
    subject: keepThoughtRuns({ subject, folder: kept }),
    examples,
    floor,
    seed,
    candidate: (example, answer) => isCandidate({ example, answer }),
    ...(category
      ? { compatible: (one: ReasoningExample, other: ReasoningExample) => one.category === other.category }
      : {}),
    onProgress: progress('interventions'),
  });
  onEvent?.({ event: 'notice', text: `  ${verdictWords(thoughts)}` });
  const retained =
    beside === undefined
      ? null
      : await measureRetained({ ...beside, task, examples, hidden: subject, batch, seed, onEvent, signal });
  const interpreters = await auditInterpreters({ model, examples, answers, kept, batch, seed, onEvent, signal });

  let probes: ReasonerProbes | null = null;
  if (probed) {
    onEvent?.({ event: 'stage', text: 'What do the thoughts hold?' });
    const questions = examples.map((example) => ({
      question: task.prompt(example),
      ...(example.image === undefined ? {} : { image: example.image }),
    }));
    const onProgress = progress('probes');
    probes = await probeReasoner({ reasoner, examples, questions, answers, seed, signal, onProgress });
  }
  const result: AuditResult = {
    model,
    task: task.name,
    engine: engineName(),
    machine,
    seed,
    versions,
    count: examples.length,
    left,
    thoughts,
    retained,
    interpreters,
    probes: (probes?.probes ?? []).map(({ name, result: { accuracy, shuffled, control, selectivity, majority } }) => ({
      name,
      accuracy: accuracy.value,
      shuffled: shuffled.mean,
      control: control?.mean ?? null,
      selectivity,
      majority,
    })),
  };
  return { result, probes };
}

/** Examples whose pictures can be read; the others are told, not passed over. */
export async function readableExamples(
  all: readonly ReasoningExample[],
): Promise<{ examples: ReasoningExample[]; left: AuditResult['left'] }> {
  const examples: ReasoningExample[] = [];
  const left: AuditResult['left'] = [];
  for (const example of all) {
    try {
      await example.image?.load();
      examples.push(example);
    } catch (error) {
      left.push({ id: example.id, message: (error as Error).message });
    }
  }
  return { examples, left };
}
