import type { DistributionScores } from './score-distributions';

/**
 * What a distribution was read from. `thought`, `question`: a reader trained on the states of a thought, or of the question
 * before any thought. `model`: the model itself, where its response chooses a label. `choice`: a reader of the state in which it
 * chooses. `written`: the label that it wrote, as
 * certain. `chains`: how often sampled responses wrote each. `constant`: how often each label was drawn in training. `shuffled`:
 * a reader of the last thought, trained on labels of other questions.
 */
export type UncertaintySource =
  'thought' | 'question' | 'model' | 'choice' | 'written' | 'chains' | 'constant' | 'shuffled';

/** What is said of where a distribution was read. */
export interface ReadFrom {
  source: UncertaintySource;
  /** For people. */
  name: string;
  /** Of a thought. */
  stage?: string;
  /** Which thought of the stage, from 0. */
  index?: number;
  /** Responses in which no label was found: for them every label counts as equally likely. */
  unread?: number;
}

/** Distributions that were read, by question and label. */
export interface ReadDistributions extends ReadFrom {
  read: number[][];
}

/** How near a reader comes to the truth. */
export interface UncertaintyReading extends ReadFrom, DistributionScores {}
