import { AdamW, clippingScale, globalNormAsync, tf } from '@subtext/tensor';

import { readLosses, type ReportNames, shardGradients, writeLosses } from '../parallel/shard-gradients';
import type { ParameterSpan, SharedState } from '../parallel/shared-state';
import type { StepRequest, StepResult } from '../parallel/training-task';
import type { TrainingProgram } from '../program/training-program';
import type { AdamWSettings } from './host-adamw';

/** Training in this thread with weights, moments and gradients on the engine. */
export interface EngineTask {
  step(request: StepRequest): Promise<StepResult>;
  /** Takes over a batch's summed gradients, by parameter: clips and applies them. */
  apply(options: {
    sums: Record<string, tf.Tensor>;
    names: ReportNames;
    request: Pick<StepRequest, 'learningRate' | 'step' | 'settings' | 'clipNorm'>;
  }): Promise<StepResult>;
  /** Writes the losses of the shards to the state, without a gradient. */
  evaluate(request: { shards: readonly unknown[] }): Promise<void>;
  /** Takes weights and moments from the state. */
  load(): void;
  /** Brings weights and moments to the state. */
  store(): Promise<void>;
  /** Brings the weights that are updated here to the state. */
  storeWeights(): Promise<void>;
  /** Takes the other weights from the state. */
  loadWeights(): void;
  /** Frees the moments; the weights are the program's. */
  close(): void;
}

/**
 * Steps whose gradients never leave the engine: shards are summed, measured, clipped and applied there, and the host
 * reads only the losses and the norm. For engines that use all cores, or a GPU, from one thread. The shared state holds
 * weights and moments as they were at the last `store`.
 */
export function createEngineTask({
  program,
  state,
  updates = () => true,
}: {
  program: TrainingProgram;
  state: SharedState;
  /** Which parameters are updated here; the others keep neither gradients nor moments. @default all */
  updates?: (span: ParameterSpan) => boolean;
}): EngineTask {
  const { spans } = state;
  const variables = program.parameters.map(({ variable }) => variable);
  const spanOf = new Map(spans.map((span) => [span.name, span]));
  let optimizer: AdamW | null = null;

  function createOptimizer({ beta1, beta2, epsilon, weightDecay }: AdamWSettings): AdamW {
    const created = new AdamW({
      parameters: spans.flatMap((span, index) => (updates(span) ? [[span.name, variables[index]!] as const] : [])),
      learningRate: 0,
      beta1,
      beta2,
      epsilon,
      weightDecay,
      decays: (name) => spanOf.get(name)!.decays,
      learningRateScale: (name) => spanOf.get(name)!.learningRateScale,
    });
    const moments = spans.filter(updates).flatMap(({ name, offset, length }) => {
      const [first, second] = [state.firstMoments, state.secondMoments].map((array) =>
        array.slice(offset, offset + length),
      ) as [Float32Array, Float32Array];
      // Zeros are what the optimizer starts from.
      return second.some((value) => value !== 0) || first.some((value) => value !== 0)
        ? [[name, { step: 0, first, second }] as const]
        : [];
    });
    created.importState({ moments: Object.fromEntries(moments) });
    return created;
  }

  function assign(index: number, { offset, length, shape }: ParameterSpan): void {
    tf.tidy(() => variables[index]!.assign(tf.tensor(state.parameters.slice(offset, offset + length), shape)));
  }

  /** Adds a shard's gradients to the sums, in the order of the shards; takes them over. */
  function add(sums: Record<string, tf.Tensor>, gradients: readonly (tf.Tensor | null)[]): void {
    for (const [index, gradient] of gradients.entries()) {
      if (!gradient) continue;
      const { name } = spans[index]!;
      const before = sums[name];
      sums[name] = before ? tf.add(before, gradient) : gradient;
      if (before) tf.dispose([before, gradient]);
    }
  }

  async function apply({ sums, names, request }: Parameters<EngineTask['apply']>[0]): Promise<StepResult> {
    try {
      const { loss, metrics } = readLosses({ state, names });
      const gradientNorm = await globalNormAsync(sums);
      const updated = Number.isFinite(loss) && Number.isFinite(gradientNorm);
      if (updated) {
        // A phase that starts afresh has cleared the state's moments, and counts from 1.
        if (request.step === 1) optimizer?.dispose();
        optimizer ??= createOptimizer(request.settings);
        optimizer.step({
          gradients: Object.fromEntries(Object.entries(sums).filter(([name]) => updates(spanOf.get(name)!))),
          learningRate: request.learningRate,
          gradientScale: clippingScale({ norm: gradientNorm, maximumNorm: request.clipNorm }),
          step: request.step,
        });
      }
      return { loss, metrics, gradientNorm, updated };
    } finally {
      tf.dispose(sums);
    }
  }

  return {
    apply,

    load() {
      for (const [index, span] of spans.entries()) assign(index, span);
      optimizer?.dispose();
      optimizer = null;
    },

    async step(request) {
      const sums: Record<string, tf.Tensor> = {};
      let names: ReportNames = { metrics: [], means: [] };
      try {
        for (const [shard, batch] of request.shards.entries()) {
          const { loss, gradients, reported, counts, ...rest } = shardGradients({
            program,
            variables,
            shard,
            batch,
            measure: request.measure,
            draw: request.draw,
          });
          names = rest.names;
          add(sums, gradients);
          const [value, ...others] = await Promise.all(
            [loss, ...reported].map(async (tensor) => (await tensor.data())[0]!),
          );
          tf.dispose([loss, ...reported]);
          writeLosses({ state, shard, loss: value!, reported: others, counts });
        }
        return await apply({ sums, names, request });
      } finally {
        tf.dispose(sums);
      }
    },

    async evaluate({ shards }) {
      for (const [shard, batch] of shards.entries()) {
        const loss = tf.tidy(() => program.loss(batch, { measure: false }).loss);
        writeLosses({ state, shard, loss: (await loss.data())[0]!, reported: [], counts: [] });
        loss.dispose();
      }
    },

    async storeWeights() {
      for (const [index, span] of spans.entries())
        if (updates(span)) state.parameters.set((await variables[index]!.data()) as Float32Array, span.offset);
    },

    loadWeights() {
      for (const [index, span] of spans.entries()) if (!updates(span)) assign(index, span);
    },

    async store() {
      for (const [index, { offset }] of spans.entries()) {
        state.parameters.set((await variables[index]!.data()) as Float32Array, offset);
      }
      const { moments } = (await optimizer?.exportState()) ?? { moments: {} };
      for (const [name, { first, second }] of Object.entries(moments)) {
        state.firstMoments.set(first, spanOf.get(name)!.offset);
        state.secondMoments.set(second, spanOf.get(name)!.offset);
      }
    },

    close() {
      optimizer?.dispose();
      optimizer = null;
    },
  };
}
