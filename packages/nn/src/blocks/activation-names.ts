import type { Activation } from '@subtext/tensor';

/** Maps Hugging Face activation names (`transformers/activations.py`) to ours. Names not listed are not supported. */
export const huggingFaceActivations: Readonly<Record<string, Activation>> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
  gelu_python_tanh: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  gelu_accurate: 'gelu-tanh',
  quick_gelu: 'quick-gelu',
  silu: 'silu',
  swish: 'silu',
  relu: 'relu',
  tanh: 'tanh',
  linear: 'none',
};
