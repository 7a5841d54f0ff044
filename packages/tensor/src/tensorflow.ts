/**
 * The one door to TensorFlow.js. The umbrella package is imported because ES-module deep imports of
 * `@tensorflow/tfjs-core` fail in Node, and because every package must share one tape.
 */
export * as tf from '@tensorflow/tfjs';
