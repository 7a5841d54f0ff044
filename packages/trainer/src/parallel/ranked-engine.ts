import { tf } from '@subtext/tensor';
import { setTimeout as sleep } from 'node:timers/promises';

import type { TrainingEngine } from '../loop/training-engine';
import type { EngineTask } from '../optimizer/engine-task';
import type { Collective } from './collective';
import type { RankExchange, SumOrder } from './rank-exchange';
import type { ReportNames } from './shard-gradients';
import { gradientBase, type SharedState, sumLosses } from './shared-state';
import { stepOutcome, type StepRequest, type StepResult, type TrainingTask } from './training-task';

type Parts = Pick<TrainingTask, 'gradients' | 'reduce' | 'squares' | 'update' | 'evaluate' | 'load'>;

/** The parts of a step as this rank carries them out: in this thread, or in all of its threads at once. */
export type StepParts = {
  [Name in keyof Parts]: (...given: Parameters<Parts[Name]>) => Promise<ReturnType<Parts[Name]>>;
};

/** Steps among ranks: gradients travel while they are computed, then every rank sums, and updates, its part or everything. */
export function createRankedEngine({
  parts,
  beside,
  onEngine,
  state,
  collective,
  exchange,
  order,
  inParts,
  close,
}: {
  parts: StepParts;
  /** Whether the parts are carried out beside this thread, which can look after messages meanwhile. */
  beside: boolean;
  /** What keeps weights and moments on the engine. @default they are in the shared memory */
  onEngine?: EngineTask;
  state: SharedState;
  collective: Collective;
  exchange: RankExchange;
  order: SumOrder;
  /** Whether each rank updates, and keeps the moments of, its own slice. */
  inParts: boolean;
  close: () => Promise<void>;
}): TrainingEngine {
  const of = inParts ? 'slice' : 'all';

  async function computed(request: StepRequest): Promise<ReportNames> {
    let running = true;
    const computing = parts.gradients(request).finally(() => {
      running = false;
    });
    while (beside && running) {
      exchange.advance();
      await Promise.race([computing, sleep(1)]);
    }
    return computing;
  }

  /** Sums in `gradients[0 … length)`, everyone's or those of the own slice, with the sums of squares of all. */
  async function summed(): Promise<void> {
    if (order === 'any') {
      await parts.reduce({ over: 'own shards' });
      await exchange.sendSums();
      await parts.reduce({ over: 'ranks' });
    } else await parts.reduce({ over: 'all shards' });
    if (!onEngine) {
      await parts.squares({ of: 'slice' });
      await exchange.gatherSquares();
    }
    // The engine takes the norm over all gradients itself.
    if (onEngine || !inParts) await exchange.gatherGradients();
  }

  async function appliedOnEngine(task: EngineTask, names: ReportNames, request: StepRequest): Promise<StepResult> {
    const result = await task.apply({ sums: sumsOf(state), names, request });
    if (!result.updated || !inParts) return result;
    await task.storeWeights();
    await exchange.gatherSlices(state.parameters);
    task.loadWeights();
    return result;
  }

  async function applied(names: ReportNames, request: StepRequest): Promise<StepResult> {
    const { gradientScale, ...result } = stepOutcome({ state, names, clipNorm: request.clipNorm });
    if (!result.updated) return result;
    const { learningRate, step, settings } = request;
    await parts.update({ learningRate, step, settings, gradientScale, of });
    if (inParts) await exchange.gatherSlices(state.parameters);
    await parts.load();
    return result;
  }

  return {
    async step(request) {
      exchange.begin();
      const names = await computed(request);
      const wishes = await exchange.finish(request.wishes ?? { stop: false, save: false });
      await summed();
      const result = await (onEngine ? appliedOnEngine(onEngine, names, request) : applied(names, request));
      return { ...result, wishes, waited: exchange.waited };
    },

    async evaluate(request) {
      await parts.evaluate(request);
      await collective.allGather({ array: state.losses });
      return sumLosses(state);
    },

    async store() {
      await onEngine?.store();
      if (!inParts) return;
      await exchange.collectSlices(state.firstMoments);
      await exchange.collectSlices(state.secondMoments);
    },

    close,
  };
}

/** The summed gradients as tensors, in the order in which adding up shard after shard would have met them. */
function sumsOf(state: SharedState): Record<string, tf.Tensor> {
  const { spans, shards, present, gradients } = state;
  const sums: Record<string, tf.Tensor> = {};
  const base = gradientBase(state, state.share.firstShard);
  for (let shard = 0; shard < shards; shard++)
    for (const [index, { name, shape, offset, length }] of spans.entries())
      if (present[shard * spans.length + index] !== 0)
        sums[name] ??= tf.tensor(gradients.slice(base + offset, base + offset + length), shape);
  return sums;
}
