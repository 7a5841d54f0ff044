/**
 * The single import of TensorFlow.js, because all packages must share one tape: the core and the CPU backend, with
 * gradients and chained tensor methods. The umbrella package `@tensorflow/tfjs` would add those too, along with layers,
 * converter, data and WebGL: 234 MB that are not used here.
 */
import '@tensorflow/tfjs-backend-cpu';
import './generated/tensorflow-additions';

export * as tf from '@tensorflow/tfjs-core';
