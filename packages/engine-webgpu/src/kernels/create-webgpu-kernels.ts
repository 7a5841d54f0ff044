import { composedEmbedding } from '@subtext/tensor/engine';
import type { FusedKernels } from '@subtext/tensor';
import { activationKernels } from './activation-kernels';
import { attentionBackwardKernel } from './attention-backward';
import { attentionForwardKernel } from './attention-forward';
import { crossEntropyKernel } from './cross-entropy-kernels';
import { embeddingBackwardKernel } from './embedding-kernel';
import { linearKernel } from './linear-kernel';
import { normKernels } from './norm-kernels';
import { rotaryKernel } from './rotary-kernel';
import { shaderRunner } from './run-shader';
import { stateKernels } from './state-kernels';
import { webgpuBackend } from './webgpu-backend';

/** WGSL in place of what TensorFlow.js composes of many shaders, run on its own backend's queue. */
export function createWebgpuKernels(): FusedKernels {
  const backend = webgpuBackend();
  const run = shaderRunner(backend);
  return {
    ...activationKernels(run),
    crossEntropy: crossEntropyKernel(run),
    ...normKernels(run),
    ...stateKernels(run),
    attention: { readsPrefix: true, forward: attentionForwardKernel(run), backward: attentionBackwardKernel(run) },
    embedding: { forward: composedEmbedding.forward, backward: embeddingBackwardKernel(run) },
    linear: linearKernel(run),
    rotary: rotaryKernel(run),
  };
}
