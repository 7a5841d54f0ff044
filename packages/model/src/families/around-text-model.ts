import type {
  EmbeddingLayer,
  KeyValueCache,
  LinearLayer,
  ModelStructure,
  Normalisation,
  RawConfig,
  RotaryEmbedding,
} from '@subtext/nn';
import type { Parameters, tf } from '@subtext/tensor';

import type { DecoderModel } from '../decoder-model';
import type { ForwardOptions, ForwardResult, LanguageModel, ModelDimensions } from '../language-model';

/** Base class of vision-language models: delegates everything but images to a text model. */
export abstract class AroundTextModel implements LanguageModel {
  readonly text: DecoderModel;

  constructor({ text }: { text: DecoderModel }) {
    this.text = text;
  }

  get modelType(): string {
    return this.text.modelType;
  }

  get takesVisibility(): boolean {
    return this.text.takesVisibility;
  }

  get config(): RawConfig {
    return this.text.config;
  }

  get dimensions(): ModelDimensions {
    return this.text.dimensions;
  }

  get parameters(): Parameters {
    return this.text.parameters;
  }

  get structure(): ModelStructure {
    return this.text.structure;
  }

  get tokenEmbedding(): EmbeddingLayer {
    return this.text.tokenEmbedding;
  }

  get head(): LinearLayer {
    return this.text.head;
  }

  get finalNorm(): Normalisation {
    return this.text.finalNorm;
  }

  get rotary(): readonly (RotaryEmbedding | null)[] {
    return this.text.rotary;
  }

  embed(ids: tf.Tensor2D): tf.Tensor3D {
    return this.text.embed(ids);
  }

  forward(options: ForwardOptions): ForwardResult {
    return this.text.forward(options);
  }

  logits<Shape extends tf.Tensor>(hidden: Shape): Shape {
    return this.text.logits(hidden);
  }

  newCache(options: { batch: number; capacity: number }): KeyValueCache {
    return this.text.newCache(options);
  }

  newGrowingCache(): KeyValueCache {
    return this.text.newGrowingCache();
  }

  dispose(): void {
    this.text.dispose();
  }
}
