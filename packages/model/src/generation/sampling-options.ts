import { ModelError } from '../model-error';

export interface SamplingOptions {
  /** Divides the logits; 0 is greedy. Default 0. */
  temperature?: number;
  /** Sample only from the `topK` most likely tokens. Default: all. */
  topK?: number;
  /** Sample only from the most likely tokens with this total probability (nucleus sampling). Default 1: all. */
  topP?: number;
  /** Sample only from tokens with at least this fraction of the top token's probability. Default 0: all. */
  minP?: number;
}

/** @throws ModelError `invalid-option` */
export function checkSampling({ temperature = 0, topK = Infinity, topP = 1, minP = 0 }: SamplingOptions): void {
  const fail = (message: string): never => {
    throw new ModelError({ code: 'invalid-option', message });
  };
  if (!(temperature >= 0 && temperature < Infinity))
    fail(`temperature must be a finite number, 0 or more, got ${temperature}.`);
  if (topK !== Infinity && !(Number.isInteger(topK) && topK >= 1))
    fail(`topK must be a whole number, 1 or more, got ${topK}.`);
  if (!(topP > 0 && topP <= 1)) fail(`topP must be above 0 and at most 1, got ${topP}.`);
  if (!(minP >= 0 && minP <= 1)) fail(`minP must be from 0 to 1, got ${minP}.`);
}
