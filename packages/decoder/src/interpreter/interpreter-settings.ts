import type { ThoughtReading } from './explanation-batch';

/** What an interpreter's `subtext.json` holds, beside its Hugging Face folder. */
export interface InterpreterSettings {
  format: 1;
  kind: 'interpreter';
  name: string;
  /** Stages that it explains. */
  stages: string[];
  /** Set of prompt templates. */
  templates: string;
  withQuestion: boolean;
  /** The token that holds a thought's place in the prompt. */
  slotToken: string;
  prefix: string[];
  endToken: string;
  reading: ThoughtReading;
  projector: { kind: 'linear' | 'mlp'; inputWidth: number };
  /** Longest explanation seen while training, in tokens. */
  longestExplanation: number;
  /** How it was trained: with the reasoner, so that thoughts were made readable, or after it. */
  mode: 'joint' | 'after';
}
