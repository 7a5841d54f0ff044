/** What the module exports to TypeScript. Addresses are bytes in the backend's memory; nothing here owns memory. */
export { matrixProduct, matrixProductBatch, matrixProductScratchBytes } from './matrix-product';
export { activationBackward, activationForward, gatedBackward, gatedForward } from './activations';
export { columnSums, sumOfSquares } from './reductions';
