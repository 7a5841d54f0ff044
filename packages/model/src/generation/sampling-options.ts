import { ModelError } from '../model-error';

export interface SamplingOptions {
  /** 0 takes the likeliest token; above, logits are divided by it. Default 0. */
  temperature?: number;
  /** Only the `topK` likeliest tokens are drawn from: a whole number. Default all. */
  topK?: number;
  /** Only the likeliest tokens that together reach this probability are drawn from. Default 1, which is all. */
  topP?: number;
  /** Only tokens that have at least this share of the likeliest one's probability are drawn from. Default 0, which is all. */
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
