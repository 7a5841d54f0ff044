import type { PatchVisionEncoder } from '@subtext/encoders';
import { LinearLayer, type ParameterScope } from '@subtext/nn';
import { tf, type Activation } from '@subtext/tensor';

import type { DecoderModel } from '../decoder-model';
import {
  explainImages,
  placeImages,
  type EmbeddedInputs,
  type IdRows,
  type ImageInputs,
  type MultimodalModel,
} from '../multimodal-model';
import { AroundTextModel } from './around-text-model';

/** Two linear layers with an activation, from the vision encoder's width to the text model's. */
export class LlavaProjector {
  readonly first: LinearLayer;
  readonly second: LinearLayer;
  readonly activation: Activation;

  constructor({
    scope,
    inputWidth,
    width,
    bias,
    activation,
    deviation,
  }: {
    scope: ParameterScope;
    inputWidth: number;
    width: number;
    bias: boolean;
    activation: Activation;
    deviation: number;
  }) {
    const initialisation = { kind: 'normal', deviation } as const;
    this.first = new LinearLayer({
      scope: scope.child('linear_1'),
      inputWidth,
      outputWidth: width,
      bias,
      initialisation,
    });
    this.second = new LinearLayer({
      scope: scope.child('linear_2'),
      inputWidth: width,
      outputWidth: width,
      bias,
      initialisation,
    });
    this.activation = activation;
  }

  /** `[images, tokens, inputWidth]` to `[images, tokens, width]`. */
  apply({ input }: { input: tf.Tensor3D }): tf.Tensor3D {
    return this.second.apply({ input: this.first.apply({ input, activation: this.activation }) });
  }
}

/** Which vision encoder states LLaVA uses. */
export interface VisionFeatureSelection {
  /** Indices into the encoder's hidden states; several are concatenated. */
  layers: readonly number[];
  /** Whether to drop the first token (CLIP's class token). */
  dropFirst: boolean;
}

/**
 * LLaVA (arXiv 2304.08485, 2310.03744): projected vision encoder states are inserted among the text embeddings of a
 * language model.
 */
export class LlavaModel extends AroundTextModel implements MultimodalModel {
  readonly vision: PatchVisionEncoder;
  readonly projector: LlavaProjector;
  readonly imageTokenId: number;
  readonly #selection: VisionFeatureSelection;

  constructor({
    vision,
    projector,
    text,
    imageTokenId,
    selection,
  }: {
    vision: PatchVisionEncoder;
    projector: LlavaProjector;
    text: DecoderModel;
    imageTokenId: number;
    selection: VisionFeatureSelection;
  }) {
    super({ text });
    this.vision = vision;
    this.projector = projector;
    this.imageTokenId = imageTokenId;
    this.#selection = selection;
  }

  get imageTokens(): number {
    const { patches, classToken } = this.vision.dimensions;
    return patches + (classToken ? 1 : 0) - (this.#selection.dropFirst ? 1 : 0);
  }

  encodeImages({ pixelValues }: ImageInputs): tf.Tensor3D {
    const { layers, dropFirst } = this.#selection;
    const states = explainImages(this.modelType, () => this.vision.features({ pixelValues, layers }));
    const selected = states.map((state) =>
      dropFirst ? tf.slice(state, [0, 1, 0], [state.shape[0], state.shape[1] - 1, state.shape[2]]) : state,
    );
    return this.projector.apply({
      input: selected.length === 1 ? selected[0]! : (tf.concat(selected, -1) as tf.Tensor3D),
    });
  }

  embedInputs({ ids, images }: { ids: IdRows; images?: ImageInputs | tf.Tensor3D | null }): EmbeddedInputs {
    return { embeddings: placeImages({ model: this, ids, images }), forwardExtras: {} };
  }
}
