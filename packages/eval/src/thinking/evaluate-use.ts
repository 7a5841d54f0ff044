import { parseJson } from '@subtext/core';
import { readTextFile, writeFileAtomically } from '@subtext/core/node';

import { auditUse, type ChangedThought, type UseAudit } from '../audit/audit-use';
import { OwnResponses } from '../audit/own-responses';
import { hashExamples } from '../results/content-hash';
import type { EvaluationListener } from '../run/evaluation-event';
import { openReasoner } from '../run/open-model';
import type { LoadedTask } from '../tasks/registry';

/** Whether a run's answers are made of its thoughts, as a file keeps it. */
export interface UseEvaluation extends UseAudit {
  /** Raised when this file changes its shape. */
  format: 2;
  /** Of the run and of what was asked. */
  fingerprint: string;
  /** Examples that were asked. */
  count: number;
  secondsTotal: number;
  /** Answers after changes, of the first examples. */
  changed: ChangedThought[];
}

/** Of so many examples what they answer after changes is kept. */
const KEPT_EXAMPLES = 48;

/** Options of {@link evaluateUse}. */
export interface EvaluateUseOptions {
  /** The name that progress gives the method. */
  method: string;
  /** The file that keeps the evaluation. */
  path: string;
  /** Of the run that is evaluated; with the questions' hash it says whether what is kept still holds. */
  fingerprint: string;
  /** The model's folder. */
  reasoner: string;
  /** What is asked. */
  loaded: Pick<LoadedTask, 'task' | 'examples'>;
  /** Only the first examples. @default all */
  limit?: number;
  onEvent?: EvaluationListener;
  signal?: AbortSignal;
}

/**
 * Audits whether a reasoner's answers are made of its thoughts (`auditUse`), and keeps what it found in a file: what the
 * file has of the same run and questions is not measured again.
 */
export async function evaluateUse({
  method,
  path,
  fingerprint,
  reasoner: folder,
  loaded: { task, examples: all },
  limit = all.length,
  onEvent,
  signal,
}: EvaluateUseOptions): Promise<UseEvaluation> {
  const examples = all.slice(0, limit);
  const key = `${fingerprint}/${await hashExamples(examples)}`;
  const kept = await readKept({ path, key });
  if (kept !== undefined) return kept;
  const started = performance.now();
  const progress =
    (label: string) =>
    ({ done, total, name: details }: { done: number; total: number; name?: string }) =>
      onEvent?.({
        event: 'progress',
        label: `${method}: ${label}`,
        done,
        total,
        ...(details !== undefined && { details }),
      });
  const reasoner = await openReasoner({ folder, loaded: [{ task, examples }] });
  try {
    const responses = new OwnResponses({ reasoner, task, batch: 64, onProgress: progress('answering'), signal });
    const shown = new Set(examples.slice(0, KEPT_EXAMPLES).map(({ id }) => id));
    const changed: ChangedThought[] = [];
    const audit = await auditUse({
      reasoner,
      task,
      examples,
      responses,
      batch: 64,
      onChanged: (one) => void (shown.has(one.id) && changed.push(one)),
      onProgress: (label, at) => progress(label === 'stages' ? 'exchanging thoughts' : 'telling thoughts in words')(at),
      signal,
    });
    const evaluation: UseEvaluation = {
      format: 2,
      fingerprint: key,
      count: examples.length,
      secondsTotal: (performance.now() - started) / 1000,
      changed,
      ...audit,
    };
    await writeFileAtomically({ path, data: JSON.stringify(evaluation) });
    return evaluation;
  } finally {
    reasoner.dispose();
  }
}

/** An evaluation of the same run and examples that an earlier start wrote; undefined for none, and for a file that is no such. */
async function readKept({ path, key }: { path: string; key: string }): Promise<UseEvaluation | undefined> {
  try {
    const kept = parseJson({ text: await readTextFile({ path }), name: path }) as Partial<UseEvaluation> | null;
    const whole =
      kept?.format === 2 &&
      kept.fingerprint === key &&
      [kept.stages, kept.words, kept.changed].every((list) => Array.isArray(list));
    return whole ? (kept as UseEvaluation) : undefined;
  } catch {
    // Whatever is wrong with it, it is made anew.
    return undefined;
  }
}
