import type { tf } from '@subtext/tensor';
import type { FusedKernels } from '@subtext/tensor';
import type { NodeBackend } from './node-backend';

/**
 * AdamW with TensorFlow's own update (`ResourceApplyAdam`), which works in place on resource variables. Three such
 * variables serve every parameter in turn: each takes over a tensor's buffer, is updated, and hands the buffer back.
 * TensorFlow adds ε to √v before correcting the bias of v, PyTorch after it: ε·√(1−β₂ᵗ) makes them the same.
 */
export function adamWKernel(backend: NodeBackend): NonNullable<FusedKernels['adamW']> {
  const { binding } = backend;
  const typeOf = (name: string) => ({ name, type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT });
  const resources = ['parameter', 'first', 'second'].map(
    (name) =>
      binding.executeOp(
        'VarHandleOp',
        [
          { name: 'container', type: binding.TF_ATTR_STRING, value: '' },
          { name: 'shared_name', type: binding.TF_ATTR_STRING, value: `subtext-adam-w-${name}` },
          typeOf('dtype'),
          { name: 'shape', type: binding.TF_ATTR_SHAPE, value: [] },
        ],
        [],
        1,
      )[0]!.id,
  );
  const scalars = new Map<string, { value: number; handle: number }>();
  /** Scalars are the same for all parameters of a step: each is kept until its value changes. */
  const scalar = (name: string, value: number): number => {
    const kept = scalars.get(name);
    if (kept?.value === value) {
      return kept.handle;
    }
    if (kept) {
      binding.deleteTensor(kept.handle);
    }
    const handle = binding.createTensor([], binding.TF_FLOAT, Float32Array.of(value));
    scalars.set(name, { value, handle });
    return handle;
  };
  const multiply = (handle: number, factor: number) =>
    binding.executeOp('Mul', [typeOf('T')], [handle, factor], 1)[0]!.id;

  return ({
    parameter,
    gradient,
    firstMoment,
    secondMoment,
    learningRate,
    beta1,
    beta2,
    epsilon,
    weightDecay,
    step,
    gradientScale,
  }) => {
    const variables: tf.Variable[] = [parameter, firstMoment, secondMoment];
    const handles = backend.getInputTensorIds(variables);
    handles.forEach((handle, index) => {
      const decayed =
        index === 0 && weightDecay !== 0 ? multiply(handle, scalar('decay', 1 - learningRate * weightDecay)) : handle;
      binding.executeOp('AssignVariableOp', [typeOf('dtype')], [resources[index]!, decayed], 0);
      // With the handle gone the resource is the buffer's only owner, and the update happens in place.
      binding.deleteTensor(handle);
      if (decayed !== handle) {
        binding.deleteTensor(decayed);
      }
    });
    const [raw] = backend.getInputTensorIds([gradient]);
    const scaled = gradientScale === 1 ? raw! : multiply(raw!, scalar('gradientScale', gradientScale));
    binding.executeOp(
      'ResourceApplyAdam',
      [
        typeOf('T'),
        { name: 'use_locking', type: binding.TF_ATTR_BOOL, value: false },
        { name: 'use_nesterov', type: binding.TF_ATTR_BOOL, value: false },
      ],
      [
        ...resources,
        scalar('beta1Power', beta1 ** step),
        scalar('beta2Power', beta2 ** step),
        scalar('learningRate', learningRate),
        scalar('beta1', beta1),
        scalar('beta2', beta2),
        scalar('epsilon', epsilon * Math.sqrt(1 - beta2 ** step)),
        scaled,
      ],
      0,
    );
    if (scaled !== raw) {
      binding.deleteTensor(scaled);
    }
    variables.forEach((variable, index) => {
      backend.tensorMap.get(variable.dataId).id = binding.executeOp(
        'ReadVariableOp',
        [typeOf('dtype')],
        [resources[index]!],
        1,
      )[0]!.id;
    });
  };
}
