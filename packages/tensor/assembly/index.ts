/** What the module exports to TypeScript. Addresses are bytes in the backend's memory; nothing here owns memory. */
export { matrixProduct, matrixProductBatch, matrixProductScratchBytes, useWideTiles } from './matrix-product';
export { activationBackward, activationForward, gatedBackward, gatedForward } from './activations';
export { columnSums, sumOfSquares } from './reductions';
export { attentionBackward, attentionForward, attentionScratchBytes } from './attention';
export { crossEntropyBackward, crossEntropyForward } from './cross-entropy';
export { cacheWrite, embeddingBackward, embeddingForward } from './embedding';
export { layerNormBackward, layerNormForward, rmsNormBackward, rmsNormForward } from './norms';
export { adamW } from './optimizer';
export { rotary } from './rotary';
export { copyBlocks } from './copy';
export { adamWInDoubles, addInto } from './flat-arrays';
