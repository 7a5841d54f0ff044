import type { Peers } from '@subtext/core/node';
import type { ReasoningExample } from '@subtext/data';
import type { Answer, Reasoner } from '@subtext/reasoner';

import type { EvaluationListener } from '../run/evaluation-event';
import type { EvaluationTask } from '../tasks/evaluation-task';
import { type AnswerGradient, answerGradients } from './answer-gradients';
import { auditRecurrences } from './audit-recurrences';
import type { StageAudit } from './audit-stages';
import type { ThoughtAuditSubject } from './audit-subject';
import type { ThoughtAudit } from './audit-thoughts';
import { auditUse } from './audit-use';
import type { WordsAudit } from './audit-words';
import { beginAudit } from './begin-audit';
import { keepStageSwaps } from './kept-runs';
import { OwnResponses } from './own-responses';
import { ReasonerThoughts } from './reasoner-thoughts';

/** Examples on which gradients are taken: whether a way is closed does not hang on the words. */
const GRADIENT_EXAMPLES = 8;

/** Whether a reasoner's thoughts are used: all of them, stage by stage, and what gets past them. */
export interface ThinkingAudit {
  thoughts: ThoughtAudit;
  stages: StageAudit[];
  /** Of a model that makes thoughts from words; empty for others. */
  words: WordsAudit[];
  gradients: AnswerGradient[];
}

/** What {@link auditThinking} takes. */
export interface AuditThinkingOptions {
  reasoner: Reasoner;
  task: EvaluationTask;
  examples: ReasoningExample[];
  /** Where finished runs are kept. */
  kept: string;
  /** @default that of the commonest answer of each kind of question */
  floor?: number;
  batch: number;
  /** The processes that audit together; the first one keeps the runs. @default this one by itself */
  peers?: Peers;
  seed: number;
  onEvent?: EvaluationListener;
  signal?: AbortSignal;
}

/** What {@link auditThinking} finds, with what it asked. */
export interface AuditedThinking {
  audit: ThinkingAudit;
  subject: ThoughtAuditSubject<ReasoningExample>;
  answers: Answer[];
}

/** Audits what a reasoner does with its thoughts; finished runs are kept in a folder. */
export async function auditThinking(options: AuditThinkingOptions): Promise<AuditedThinking> {
  if (options.reasoner.method.recurrences !== undefined) return auditRecurrences(options);
  const { reasoner, task, examples, kept, batch, peers, seed, signal } = options;
  const { progress, thoughtsOf } = await beginAudit(options);
  const responses = new OwnResponses({ reasoner, task, batch, peers, signal, onProgress: progress('answering') });
  const subject = new ReasonerThoughts({ reasoner, task, responses, batch, peers, signal });
  const own = await responses.of(examples);
  const thoughts = await thoughtsOf(subject);
  const { stages, words } = await auditUse({
    reasoner,
    task,
    examples,
    responses,
    kept: (stagesSubject) => keepStageSwaps({ subject: stagesSubject, folder: kept, peers }),
    batch,
    peers,
    seed,
    onProgress: (label, at) => progress(label)(at),
    signal,
  });
  const gradients = await answerGradients({
    reasoner,
    responses: own.slice(0, GRADIENT_EXAMPLES).map((response, index) => ({ example: examples[index]!, response })),
    signal,
  });
  return {
    audit: { thoughts, stages, words, gradients },
    subject,
    answers: own.map(({ answer }) => answer),
  };
}
