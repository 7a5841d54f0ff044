import { printable } from '@subtext/core';

import { quoted, SafetensorsError } from '../safetensors-error';
import { TorchTensor } from './torch-globals';

/**
 * The tensors of what `torch.save` was given: a state dict, or a dictionary that holds one under a name of its own
 * (`state_dict`, `model`), beside an epoch or an optimizer. What is no tensor is passed over.
 *
 * @throws SafetensorsError `invalid-pickle` where there is none, or more than one
 */
export function stateDict(value: unknown): Map<string, TorchTensor> {
  if (!(value instanceof Map))
    throw new SafetensorsError({
      code: 'invalid-pickle',
      message: `it holds ${value instanceof TorchTensor ? 'one tensor' : 'no dictionary'}; expected the tensors of a model by name, as model.state_dict() gives them`,
    });
  const own = tensorsOf(value);
  if (own.size > 0) return own;
  const inside = [...value].flatMap(([name, part]) => {
    const tensors = part instanceof Map ? tensorsOf(part) : new Map<string, TorchTensor>();
    return tensors.size > 0 ? [{ name, tensors }] : [];
  });
  if (inside.length === 1) return inside[0]!.tensors;
  const found = inside.map(({ name }) => quoted(String(name))).join(', ');
  throw new SafetensorsError({
    code: 'invalid-pickle',
    message:
      inside.length === 0
        ? `it has no tensors; its names are ${printable([...value.keys()].slice(0, 8).map(String).join(', ')) || 'none'}`
        : `it has several models: ${found}. Save the one that is meant by itself`,
  });
}

function tensorsOf(map: Map<unknown, unknown>): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  for (const [name, value] of map)
    if (typeof name === 'string' && value instanceof TorchTensor) tensors.set(name, value);
  return tensors;
}
