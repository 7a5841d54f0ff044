import type { ReasoningExample } from '@subtext/data';
import { layoutsOf, type Phase } from '@subtext/reasoner';

import type { ReasonerData } from '../sources/laid-out-examples';
import { possibleLayouts } from './possible-layouts';

/** What the layouts of a set come to. */
export interface MeasuredLayouts {
  /** The longest prompt with its response, in tokens: what the model must hold. */
  longest: number;
  /** The longest response of the last phase: what generation may take. */
  longestResponse: number;
  /** Mean tokens of an example by phase, those that objectives compare it with included. */
  tokens: number[];
  /** The example that takes the most tokens in one step, and the phase that lays it out so. */
  heaviest?: { example: ReasoningExample; phase: Phase; tokens: number };
}

/**
 * Measures the layouts of all examples in all phases. Pictures count as one tile: those of a processor that cuts them are
 * measured only when they are read.
 */
export function measureLayouts({
  data,
  phases,
}: {
  data: Pick<ReasonerData, 'examples' | 'method' | 'context'>;
  phases: readonly Phase[];
}): MeasuredLayouts {
  let longest = 0;
  let longestResponse = 0;
  let heaviest: MeasuredLayouts['heaviest'];
  const tokens = phases.map((phase) => {
    let sum = 0;
    for (const example of data.examples) {
      const layouts = possibleLayouts({ data, example, phase });
      const [layout] = layouts;
      const { ids, promptLength } = layout;
      longest = Math.max(longest, ...layouts.map((one) => one.ids.length));
      if (phase === phases.at(-1)) longestResponse = Math.max(longestResponse, ids.length - promptLength);
      const all = layoutsOf(layout).reduce((total, one) => total + one.ids.length, 0);
      sum += all;
      if (all > (heaviest?.tokens ?? 0)) heaviest = { example, phase, tokens: all };
    }
    return sum / Math.max(1, data.examples.length);
  });
  return { longest, longestResponse, tokens, ...(heaviest && { heaviest }) };
}

/** Examples that are looked through for the tokens that a run uses. */
const LOOKED_THROUGH = 2_000;

/** The ids that stand in the layouts of a run's first examples, in every phase. */
export function usedTokens({
  data,
  phases,
}: {
  data: Pick<ReasonerData, 'examples' | 'method' | 'context'>;
  phases: readonly Phase[];
}): Set<number> {
  const used = new Set<number>();
  for (const phase of phases) {
    for (const example of data.examples.slice(0, LOOKED_THROUGH)) {
      for (const layout of possibleLayouts({ data, example, phase }))
        for (const { ids } of layoutsOf(layout)) for (const id of ids) used.add(id);
    }
  }
  return used;
}
