/**
 * The one door to TensorFlow.js, because every package must share one tape: its core and the processor's backend, with the
 * gradients and the methods of tensors. The umbrella package `@tensorflow/tfjs` adds those to the core as well, and with
 * them layers, converter, data and WebGL: 234 MB that nothing here uses.
 */
import '@tensorflow/tfjs-backend-cpu';
import './generated/tensorflow-additions';

export * as tf from '@tensorflow/tfjs-core';
