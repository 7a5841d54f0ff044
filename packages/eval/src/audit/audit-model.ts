import type { Peers } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';
import type { Reasoner } from '@subtext/reasoner';
import { engineName } from '@subtext/tensor';
import { join } from 'node:path';

import { EvaluationError } from '../errors';
import { probeReasoner, type ReasonerProbes } from '../probes/probe-reasoner';
import { hashFolder } from '../results/content-hash';
import { inRunFolder } from '../results/in-run-folder';
import { type MadeWith, madeWith } from '../run/evaluate-model';
import type { EvaluationListener } from '../run/evaluation-event';
import { askedOf, openReasoner } from '../run/open-model';
import type { EvaluationTask } from '../tasks/evaluation-task';
import { questionsOf, readableExamples } from '../tasks/questions-of';
import type { LoadedTask } from '../tasks/registry';
import { auditInterpreters } from './audit-interpreters';
import type { InterpreterAudit } from './audit-interpreter';
import { verdictWords } from './audit-sections';
import { auditThinking, type ThinkingAudit } from './audit-thinking';
import { measureRetained } from './measure-retained';
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
  /** The folder of a matched reasoner, such as one trained alike without a visibility: its numbers stand beside. @default none */
  control?: string;
  /** Accuracy that needs no thought. @default that of the commonest answer of each kind of question */
  floor?: number;
  /** The limit that the examples were read with, for the record. @default none */
  limit?: number;
  /** Questions side by side. @default 32 */
  batch?: number;
  /** The processes that audit together, each with the same options; the first one has the folder. @default this one by itself */
  peers?: Peers;
  /** Of the interventions and the resampling. @default 0 */
  seed?: number;
  /** Whether the thoughts are probed. @default true */
  probes?: boolean;
  onEvent?: EvaluationListener;
  /** Stops between batches; finished parts are kept. */
  signal?: AbortSignal;
}

/** What an audit found, as `audit.json` holds it. */
export interface AuditResult extends ThinkingAudit {
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
  /** The same of the matched reasoner. */
  control: ({ model: string } & ThinkingAudit) | null;
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
  const { model, loaded, folder, control, limit, peers, seed = 0, onEvent } = options;
  checkAuditable(loaded.task);
  const reasoner = await openReasoner({ folder: model, loaded: [loaded] });
  try {
    const { task, examples: all } = askedOf({ reasoner, loaded });
    const { examples, left } = await readableExamples(all);
    for (const { id, message } of left) onEvent?.({ event: 'notice', text: `  ${id} is left out: ${message}` });
    const work = async () => {
      const found = await auditOpened({ ...options, task, examples, left, reasoner });
      const { tokenizer } = reasoner;
      return { ...found, task, tokenText: (id: number) => tokenizer.decode([id], { skipSpecialTokens: false }) };
    };
    if ((peers?.rank ?? 0) > 0) return await work();
    return await inRunFolder({
      folder,
      modelHash: await hashFolder(model),
      loaded: [{ task, examples }],
      settings: {
        audit: 3,
        seed,
        limit: limit ?? null,
        engine: engineName(),
        control: control === undefined ? null : await hashFolder(control),
      },
      work: ({ run }) => {
        if (run.resumed) onEvent?.({ event: 'resumed', folder });
        return work();
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
      message: `Task "${task.name}" is scored by a judge, and an audit scores each question a dozen times; use a task scored by rules, or your own data with --format and --score.`,
    });
}

async function auditOpened({
  model,
  folder,
  retained: chains,
  control,
  batch = 32,
  peers,
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
  floor,
}: AuditModelOptions & {
  task: EvaluationTask;
  examples: ReasoningExample[];
  left: AuditResult['left'];
  reasoner: Reasoner;
}): Promise<Pick<ModelAudit, 'result' | 'probes'>> {
  const kept = join(folder, 'runs');
  const asked = { task, examples, floor, batch, peers, seed, onEvent, signal };
  onEvent?.({ event: 'stage', text: 'Are the thoughts used?' });
  const { audit, subject, answers } = await auditThinking({ ...asked, reasoner, kept });
  tell({ audit, onEvent });
  const beside =
    control === undefined ? null : await auditControl({ ...asked, folder: control, kept: join(folder, 'control') });
  const retained =
    chains === undefined
      ? null
      : await measureRetained({ ...chains, task, examples, hidden: subject, batch, peers, seed, onEvent, signal });
  const interpreters = await auditInterpreters({ model, examples, answers, kept, batch, peers, seed, onEvent, signal });

  let probes: ReasonerProbes | null = null;
  if (probed) {
    onEvent?.({ event: 'stage', text: 'What do the thoughts encode?' });
    const questions = questionsOf({ task, examples });
    const onProgress = ({ name: details, ...rest }: { done: number; total: number; name?: string }) =>
      onEvent?.({ event: 'progress', label: 'probes', ...rest, ...(details === undefined ? {} : { details }) });
    probes = await probeReasoner({ reasoner, examples, questions, answers, peers, seed, signal, onProgress });
  }
  const result: AuditResult = {
    model,
    task: task.name,
    engine: engineName(),
    ...madeWith({ machine, versions }),
    seed,
    count: examples.length,
    left,
    ...audit,
    control: beside,
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

/** The matched reasoner's audit, of the same examples. */
async function auditControl({
  folder,
  task,
  examples,
  ...asked
}: { folder: string } & Omit<Parameters<typeof auditThinking>[0], 'reasoner'>): Promise<AuditResult['control']> {
  const { onEvent } = asked;
  onEvent?.({ event: 'stage', text: 'Does the control use its thoughts?' });
  const reasoner = await openReasoner({ folder, loaded: [{ task, examples }] });
  try {
    const { audit } = await auditThinking({ ...asked, task, examples, reasoner });
    tell({ audit, onEvent });
    return { model: folder, ...audit };
  } finally {
    reasoner.dispose();
  }
}

function tell({ audit, onEvent }: { audit: ThinkingAudit; onEvent: EvaluationListener | undefined }): void {
  onEvent?.({ event: 'notice', text: `  ${verdictWords(audit.thoughts)}` });
  for (const stage of audit.stages) onEvent?.({ event: 'notice', text: `  ${stage.stage}: ${verdictWords(stage)}` });
}
