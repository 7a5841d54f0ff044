import type { ReasoningExample } from '@subtext/data';

/** What the judge's reply comes to; null where it cannot be read and the judge is asked again. */
export interface JudgedScore {
  scores: Record<string, number>;
  extracted: string | null;
}

/** How a task is scored by another model. */
export interface JudgeStep {
  /** Metrics that the step gives. */
  readonly metrics: readonly string[];
  /** What rules can score without the judge; null where they cannot. */
  byRules(options: { prediction: string; example: ReasoningExample }): JudgedScore | null;
  /** What the judge is asked. */
  prompt(options: { prediction: string; example: ReasoningExample }): string;
  /** Reads its reply. */
  read(options: { reply: string; example: ReasoningExample }): JudgedScore | null;
  /** The scores where there is no answer, or no reply could be read. */
  readonly none: Record<string, number>;
}
