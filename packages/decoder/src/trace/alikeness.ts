import type { Answer } from '@subtext/reasoner';

import { euclideanNorm } from '../probes/thought-states';

/** A thought beside the same thought of other examples. */
export interface Alikeness {
  /** Mean cosine to them: near 1, the thought says the same whatever the question. NaN without another. */
  cosine: number;
  /** How many others there were. */
  others: number;
}

/** For each thought of an answer, how alike it is to the same thought (stage and place) of other examples; the same example among them is passed over. */
export function alikeness({
  own,
  others,
}: {
  own: Pick<Answer, 'thoughts'>;
  others: readonly Pick<Answer, 'thoughts'>[];
}): Alikeness[] {
  return own.thoughts.map(({ stage, index, hidden }) => {
    const same = others.flatMap((other) =>
      other === own
        ? []
        : other.thoughts.filter((thought) => thought.stage === stage && thought.index === index).slice(0, 1),
    );
    const norm = euclideanNorm(hidden);
    const sum = same.reduce((total, other) => {
      const dot = hidden.reduce((product, value, unit) => product + value * other.hidden[unit]!, 0);
      return total + dot / Math.max(norm * euclideanNorm(other.hidden), 1e-30);
    }, 0);
    return { cosine: same.length === 0 ? Number.NaN : sum / same.length, others: same.length };
  });
}
