import type { StageAudit } from '../audit/audit-stages';
import type { ThinkingAudit } from '../audit/audit-thinking';
import type { ThoughtAudit } from '../audit/audit-thoughts';
import type { FewerThoughts } from './fewer-thoughts';
import type { ScoreByRecurrences } from './more-recurrences';
import type { ScoreByFactor } from './other-factors';

/** A finished run of an experiment in its result: what it took, what it scored, and what else was measured of it. */
export interface RunFindings {
  name: string;
  cell: string;
  seed: number;
  score: number;
  /** Mean score by kind of question. */
  byKind: Record<string, number>;
  /** Of the training. */
  steps?: number;
  seconds?: number;
  processorSeconds?: number;
  /** Mean score on the questions by which checkpoints are chosen. */
  choice?: number;
  audit?: AuditDigest;
  fewer?: FewerThoughts[];
  /** Mean score where thoughts are drawn by chance, over the seeds of the draws. */
  drawn?: number;
  recurrences?: ScoreByRecurrences[];
  factors?: ScoreByFactor[];
  /** Loss by step, thinned out; with the steps at which phases begin. */
  curve?: { points: { x: number; y: number }[]; phases: { x: number; label: string }[] };
}

/** An audit of a run's thoughts without its likelihoods. */
export type AuditDigest = Pick<
  ThoughtAudit,
  'count' | 'accuracy' | 'dependence' | 'floor' | 'verdict' | 'certain' | 'evidence'
> & {
  /** Stage by stage, what exchanging its thoughts does; none where nothing could be exchanged. */
  stages: (Pick<StageAudit, 'stage' | 'pairs' | 'truthKnown' | 'verdict' | 'certain' | 'evidence'> & {
    follows?: number;
    changes?: number;
  })[];
  interventions: { kind: string; name: string; kept?: number; count: number; accuracy?: number; follows?: number }[];
};

export function digestAudit({ thoughts, stages }: Pick<ThinkingAudit, 'thoughts' | 'stages'>): AuditDigest {
  const { count, accuracy, dependence, floor, verdict, certain, evidence, interventions } = thoughts;
  return {
    count,
    accuracy,
    dependence,
    floor,
    verdict,
    certain,
    evidence,
    stages: stages.map(({ swap, stage, pairs, truthKnown, ...judged }) => ({
      stage,
      pairs,
      truthKnown,
      verdict: judged.verdict,
      certain: judged.certain,
      evidence: judged.evidence,
      follows: swap?.follows?.value,
      changes: swap?.changes.value,
    })),
    interventions: interventions.map(({ kind, name, kept, count: changed, effect }) => ({
      kind,
      name,
      kept,
      count: changed,
      accuracy: effect?.accuracy.value,
      follows: effect?.follows?.value,
    })),
  };
}

/** The seed of a cell whose model did best on the questions kept for choosing, with its score on those and on the others. */
export interface ChosenRun {
  cell: string;
  seed: number;
  choice: number;
  score: number;
}

/** By cell, the run that did best on the questions kept for choosing; the first of equals. The questions asked play no part. */
export function chooseRuns(runs: readonly RunFindings[]): ChosenRun[] {
  const best = new Map<string, ChosenRun>();
  for (const { cell, seed, choice, score } of runs)
    if (choice !== undefined && choice > (best.get(cell)?.choice ?? -Infinity))
      best.set(cell, { cell, seed, choice, score });
  return [...best.values()];
}
