import type { ForwardOptions, ForwardResult, LanguageModel, ModelDimensions, PassVisibility } from '@subtext/model';
import type { KeyValueCache } from '@subtext/nn';
import { tf } from '@subtext/tensor';

import { ReasonerError } from '../errors';
import { checkPacks } from './check-packs';
import { checkTakesPacks } from './check-takes-packs';
import { HeldPack } from './held-pack';
import type { KnowledgePack } from './knowledge-pack';
import { findPackedCache, PackedCache, packedView, type PrefixRows } from './packed-cache';

/**
 * A model that has read packs: every sequence goes on from them, with or without a cache, in training and in answering.
 * Masks, positions, visibility tables and attention weights are of the sequences alone; every position sees all rows
 * of the packs, and the first takes the position after the longest of the packed documents. Each pack is as if it stood
 * there alone: its rows do not see those of others.
 *
 * It holds the model that it is made of, which `dispose` frees too; `disposePacks` frees the packs alone.
 */
export class PackedModel implements LanguageModel {
  readonly base: LanguageModel;
  readonly packs: readonly HeldPack[];
  /** Rows of all packs. */
  readonly rows: number;
  /** Position of the first token after them. */
  readonly span: number;

  private constructor({ base, packs }: { base: LanguageModel; packs: readonly HeldPack[] }) {
    this.base = base;
    this.packs = packs;
    this.rows = packs.reduce((sum, { rows }) => sum + rows, 0);
    this.span = Math.max(...packs.map(({ span }) => span));
  }

  /**
   * @throws ReasonerError `pack-mismatch` for a pack of another model; `invalid-option` for none, or the same one twice;
   * `example-too-long` where no room is left for a question; `pack-unsupported` for a model that packs cannot stand before
   */
  static async open({
    model,
    packs,
    trainable = false,
  }: {
    model: LanguageModel;
    packs: readonly KnowledgePack[];
    /** Whether the packs' rows are variables that train. @default false */
    trainable?: boolean;
  }): Promise<PackedModel> {
    checkTakesPacks(model);
    await checkPacks({ model, packs });
    return new PackedModel({ base: model, packs: packs.map((pack) => new HeldPack({ model, pack, trainable })) });
  }

  get modelType(): string {
    return this.base.modelType;
  }
  get takesVisibility(): boolean | undefined {
    return this.base.takesVisibility;
  }
  get config(): LanguageModel['config'] {
    return this.base.config;
  }
  get generationConfig(): LanguageModel['generationConfig'] {
    return this.base.generationConfig;
  }
  get tokenEmbedding(): LanguageModel['tokenEmbedding'] {
    return this.base.tokenEmbedding;
  }
  get head(): LanguageModel['head'] {
    return this.base.head;
  }
  get finalNorm(): LanguageModel['finalNorm'] {
    return this.base.finalNorm;
  }
  get rotary(): LanguageModel['rotary'] {
    return this.base.rotary;
  }
  get parameters(): LanguageModel['parameters'] {
    return this.base.parameters;
  }
  get structure(): LanguageModel['structure'] {
    return this.base.structure;
  }

  /** As the model's, less the positions that the packed documents take. */
  get dimensions(): ModelDimensions {
    const { dimensions } = this.base;
    return { ...dimensions, maxPositions: dimensions.maxPositions - this.span };
  }

  embed(ids: tf.Tensor2D): tf.Tensor3D {
    return this.base.embed(ids);
  }

  logits<Shape extends tf.Tensor>(hidden: Shape): Shape {
    return this.base.logits(hidden);
  }

  newCache({ batch, capacity }: { batch: number; capacity: number }): PackedCache {
    const { rows } = this;
    return new PackedCache({ inner: this.base.newCache({ batch, capacity: capacity + rows }), rows });
  }

  newGrowingCache(): PackedCache {
    return new PackedCache({ inner: this.base.newGrowingCache(), rows: this.rows });
  }

  forward({
    mask = null,
    positions = null,
    largestPosition,
    cache = null,
    visibility = null,
    ...options
  }: ForwardOptions): ForwardResult {
    const { rows, span } = this;
    const own = cache ?? this.newGrowingCache();
    const [batch, time] = options.embeddings.shape;
    packedCacheOf(own).fill(() => this.#prefix(batch));
    const offset = own.length;
    const { attentions, ...result } = this.base.forward({
      ...options,
      cache: packedView({ cache: own, rows }),
      mask: mask && withPacks({ seen: mask, rows }),
      positions: shiftedPositions({ batch, time, offset, mask, positions, span }),
      // Columns bound positions where none are given: with a mask the largest is read back.
      ...(positions || !mask
        ? { largestPosition: positions ? largestPosition && largestPosition + span : span + offset + time - 1 }
        : {}),
      visibility: visibility && visibilityWithPacks({ visibility, rows }),
    });
    return {
      ...result,
      ...(attentions && {
        attentions: attentions.map((weights) => {
          const [, heads, queries, keys] = weights.shape;
          return tf.slice(weights, [0, 0, 0, rows], [batch, heads, queries, keys - rows]);
        }),
      }),
    };
  }

  /** Frees the packs' rows. */
  disposePacks(): void {
    for (const pack of this.packs) pack.dispose();
  }

  dispose(): void {
    this.disposePacks();
    this.base.dispose();
  }

  /** All packs' rows, the same for every sequence. */
  #prefix(batch: number): PrefixRows {
    const all = this.packs.map((pack) => pack.prefix());
    const joined = (parts: readonly tf.Tensor3D[]): tf.Tensor3D =>
      tf.tile(parts.length === 1 ? parts[0]! : tf.concat([...parts], 1), [batch, 1, 1]);
    return Array.from({ length: this.dimensions.layers }, (_, layer) => ({
      key: joined(all.map((pack) => pack[layer]!.key)),
      value: joined(all.map((pack) => pack[layer]!.value)),
    }));
  }
}

function packedCacheOf(cache: KeyValueCache): PackedCache {
  const found = findPackedCache(cache);
  if (found) return found;
  throw new ReasonerError({
    code: 'invalid-option',
    message:
      'The cache is not one of the model with its packs. Make it with newCache or newGrowingCache of that model.',
  });
}

/** A mask `[batch, keyTime]` or `[batch, time, keyTime]` in which the packs' rows stand first, and are seen. */
function withPacks({ seen, rows }: { seen: tf.Tensor; rows: number }): tf.Tensor {
  const shape = [...seen.shape.slice(0, -1), rows];
  return tf.concat([tf.ones(shape, seen.dtype === 'bool' ? 'bool' : 'int32'), seen], seen.rank - 1);
}

function visibilityWithPacks({ visibility, rows }: { visibility: PassVisibility; rows: number }): PassVisibility {
  return { ...visibility, keys: withPacks({ seen: visibility.keys, rows }) as tf.Tensor3D };
}

/** Positions `[batch, time]` after the packed documents: those given, those that a mask counts, or one after another. */
function shiftedPositions({
  batch,
  time,
  offset,
  mask,
  positions,
  span,
}: {
  batch: number;
  time: number;
  /** Positions in the cache, without the packs. */ offset: number;
  mask: tf.Tensor | null;
  positions: tf.Tensor2D | null;
  span: number;
}): tf.Tensor2D {
  const first = tf.scalar(span, 'int32');
  if (positions) return tf.add(positions, first);
  if (mask?.rank === 2) {
    const counted = tf.sub(tf.cumsum(tf.cast(mask, 'int32'), 1), tf.scalar(1, 'int32'));
    const own = tf.slice(tf.maximum(counted, tf.scalar(0, 'int32')), [0, offset], [batch, time]) as tf.Tensor2D;
    return tf.add(own, first);
  }
  const row = Int32Array.from({ length: time }, (_, index) => span + offset + index);
  return tf.tile(tf.tensor2d(row, [1, time], 'int32'), [batch, 1]);
}
