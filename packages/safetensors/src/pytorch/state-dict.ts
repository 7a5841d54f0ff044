import { printable } from '@subtext/core';

import { quoted, SafetensorsError } from '../safetensors-error';
import { TorchTensor } from './torch-globals';

/**
 * Finds the tensors in an object saved by `torch.save`: a state dict, or a dictionary that contains one (`state_dict`,
 * `model`) next to an epoch or an optimizer state. Other values are ignored.
 *
 * @throws SafetensorsError `invalid-pickle` if there is no state dict, or more than one
 */
export function stateDict(value: unknown): Map<string, TorchTensor> {
  if (!(value instanceof Map))
    throw new SafetensorsError({
      code: 'invalid-pickle',
      message: `it contains ${value instanceof TorchTensor ? 'a single tensor' : 'no dictionary'}; expected a state dict, as returned by model.state_dict()`,
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
        ? `it has no tensors; its keys are ${printable([...value.keys()].slice(0, 8).map(String).join(', ')) || 'none'}`
        : `it contains several models: ${found}. Save the one you want separately`,
  });
}

function tensorsOf(map: Map<unknown, unknown>): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  for (const [name, value] of map)
    if (typeof name === 'string' && value instanceof TorchTensor) tensors.set(name, value);
  return tensors;
}
