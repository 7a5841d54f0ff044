import type { Peers } from '@subtext/core/node';
import { findCounterfactuals, type ReasoningExample } from '@subtext/data';
import type { Reasoner } from '@subtext/reasoner';

import type { EvaluationTask } from '../tasks/evaluation-task';
import { auditStages, type StageAudit } from './audit-stages';
import type { StageAuditSubject } from './audit-subject';
import { auditWords, type WordsAudit } from './audit-words';
import type { OwnResponses } from './own-responses';
import { partnersIn } from './partners-in';
import { ReasonerStages } from './reasoner-stages';

/** Whether answers are made of a reasoner's thoughts, stage by stage. */
export interface UseAudit {
  /** What exchanging a stage's thoughts does. */
  stages: StageAudit[];
  /** What telling a stage in words does, of a model that makes thoughts from words; empty for others. */
  words: WordsAudit[];
}

/** One answer after a stage's thoughts were changed. */
export interface ChangedThought {
  /** Id of the example that was asked. */
  id: string;
  stage: string;
  /** `exchanged`: for those of another example; `told`: made from words. */
  kind: 'exchanged' | 'told';
  /** Whose thoughts, or what was told, for people. */
  change: string;
  /** The answer that follows; where the data does not tell, the other example's. */
  expected: string | null;
  answer: string | null;
}

/** Options of {@link auditUse}. */
export interface AuditUseOptions {
  reasoner: Reasoner;
  /** How examples are asked and scored. */
  task: Pick<EvaluationTask, 'prompt' | 'score'>;
  examples: readonly ReasoningExample[];
  /** What it answers by itself. */
  responses: OwnResponses;
  /** Wraps the subject whose stages are exchanged, such as to keep what was measured. @default as it is */
  kept?: (subject: StageAuditSubject<ReasoningExample>) => StageAuditSubject<ReasoningExample>;
  /** Examples side by side. @default 32 */
  batch?: number;
  /** The processes that audit together. @default this one by itself */
  peers?: Peers;
  /** Of the choice of partners and edits. @default 0 */
  seed?: number;
  /** Called for each answer after a change. @default none */
  onChanged?: (changed: ChangedThought) => void;
  /** Called after each stage. @default none */
  onProgress?: (label: 'stages' | 'words', progress: { done: number; total: number; name?: string }) => void;
  signal?: AbortSignal;
}

/**
 * Exchanges each stage's thoughts between examples and, where the model can be told in words what to think, tells it: the
 * answers are held against those that the data says follow ({@link auditStages}, {@link auditWords}).
 */
export async function auditUse({
  reasoner,
  task,
  examples,
  responses,
  kept = (subject) => subject,
  batch = 32,
  peers,
  seed = 0,
  onChanged,
  onProgress,
  signal,
}: AuditUseOptions): Promise<UseAudit> {
  const truths = findCounterfactuals({ examples });
  const counterfactual =
    truths &&
    ((asked: Parameters<typeof truths>[0]) => {
      const prediction = truths(asked);
      return prediction === null ? null : task.score({ prediction, example: asked.example }).extracted;
    });
  const known = counterfactual && { counterfactual };
  const own = (await responses.of(examples)).map(({ answer }, index) => {
    const { extracted, correct } = task.score({ prediction: answer.answer ?? null, example: examples[index]! });
    return { answer: extracted, correct };
  });
  const stages = await auditStages({
    subject: kept(new ReasonerStages({ reasoner, task, responses, batch, peers, signal })),
    examples,
    own,
    ...known,
    ...partnersIn({ examples }),
    seed,
    onExchange: ({ row, partner, ...exchange }) =>
      onChanged?.({ id: examples[row]!.id, kind: 'exchanged', change: examples[partner]!.id, ...exchange }),
    onProgress: (progress) => onProgress?.('stages', progress),
  });
  const words = await auditWords({
    reasoner,
    task,
    examples,
    responses,
    ...known,
    batch,
    peers,
    seed,
    onEdit: ({ example, ...edit }) => onChanged?.({ id: example.id, kind: 'told', ...edit }),
    onProgress: (progress) => onProgress?.('words', progress),
    signal,
  });
  return { stages, words };
}
