import { tf } from '../../tensorflow';

interface ReferenceCounting {
  incRef(dataId: object): void;
}

interface KernelArguments {
  inputs: { x: tf.TensorInfo };
  attrs?: { dtype?: string };
  backend: ReferenceCounting;
}

/**
 * Makes clones on the wasm backend share memory, as on all other backends. As shipped (4.22), its `Identity`, and its
 * `Cast` to the same dtype, copy the data. The tape clones every tensor that a gradient needs, so training would copy and
 * keep nearly all activations twice.
 */
export function shareClonesOnWasm(): void {
  replace('Identity', () => true);
  replace('Cast', ({ inputs, attrs }) => attrs?.dtype === inputs.x.dtype);
}

function replace(kernelName: string, shares: (args: KernelArguments) => boolean): void {
  const original = tf.getKernel(kernelName, 'wasm');
  tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({
    ...original,
    kernelFunc: (args) => {
      const { inputs, backend } = args as unknown as KernelArguments;
      if (!shares(args as unknown as KernelArguments)) {
        return original.kernelFunc(args);
      }
      backend.incRef(inputs.x.dataId);
      return { dataId: inputs.x.dataId, shape: inputs.x.shape, dtype: inputs.x.dtype };
    },
  });
}
