import type { ReasoningExample } from '@subtext/data';
import { type Layout, layoutsOf, type Phase } from '@subtext/reasoner';

import { TrainerError } from '../errors';
import type { ReasonerData } from '../sources/laid-out-examples';
import { possibleLayouts } from './possible-layouts';

/** An example that does not fit into the model. */
export interface TooLong {
  id: string;
  /** Tokens of its longest layout, and the phase that lays it out so. */
  length: number;
  phase: string;
}

/** How many are named in an error. */
const NAMED = 5;

/**
 * The examples whose layouts fit into the model in every phase, before the first step is taken: training stops on the
 * others only when it meets them, hours later. Pictures count as one tile. Throws `example-too-long` where more do not
 * fit than may be left out.
 */
export function checkLengths({
  data,
  phases,
  maxPositions,
  mayLeaveOut = 0,
}: {
  data: Pick<ReasonerData, 'examples' | 'method' | 'context'>;
  phases: readonly Phase[];
  /** The model's context: `model.dimensions.maxPositions`. */
  maxPositions: number;
  /** Share of the examples that may be left out because they are too long. @default 0 */
  mayLeaveOut?: number;
}): { examples: ReasoningExample[]; tooLong: TooLong[] } {
  const tooLong: TooLong[] = [];
  const examples = data.examples.filter((example) => {
    let longest: TooLong = { id: example.id, length: 0, phase: '' };
    for (const phase of phases) {
      for (const layout of possibleLayouts({ data, example, phase })) {
        const length = longestOf(layout);
        if (length > longest.length) longest = { id: example.id, length, phase: phase.name };
      }
    }
    if (longest.length <= maxPositions) return true;
    tooLong.push(longest);
    return false;
  });
  if (tooLong.length > mayLeaveOut * data.examples.length) {
    const named = tooLong.slice(0, NAMED).map(({ id, length, phase }) => `${id} (${length} in phase "${phase}")`);
    throw new TrainerError({
      code: 'example-too-long',
      message:
        `${tooLong.length} of ${data.examples.length} examples take more tokens than the ${maxPositions} positions of the model: ${named.join(', ')}${tooLong.length > NAMED ? ', …' : ''}. ` +
        `Shorten them, take a model with a longer context, or allow a share of the examples to be left out.`,
    });
  }
  return { examples, tooLong };
}

/** The most tokens that any sequence of an example takes: its own, or one that an objective compares it with. */
function longestOf(layout: Layout): number {
  return layoutsOf(layout).reduce((most, { ids }) => Math.max(most, ids.length), 0);
}
