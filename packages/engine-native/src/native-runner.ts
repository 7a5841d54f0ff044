import { TensorError, type tf } from '@subtext/tensor';
import { readsStoredWeights, type OperationRunner, type Settings } from '@subtext/native-kernels';
import { storedNumbers, type WasmTensors } from '@subtext/tensor/engine';
import { mostAxes, mostTensors, placeNumbers, writePlace, type NativeLibrary } from './library';

/** The most numbers that an operation takes beside its tensors. */
const mostSettings = 64;
const messageBytes = 256;
/** How `native/memory-call.h` is told a weight that lies outside of the memory: this less its number. */
const firstStored = -2;
/** Return code of `subtext_run` if memory ran out. */
const exhausted = 2;

const given = {} as Settings;
const absent = {} as Settings;

/**
 * Runs kernels on tensors in place in WebAssembly memory. Outputs are allocated before any address is taken, since an
 * allocation may grow the memory; the memory itself is looked up last, on each call.
 */
export function createNativeRunner(library: NativeLibrary, tensors: WasmTensors): OperationRunner {
  const places = new Float64Array(mostTensors * placeNumbers);
  const values = new Float32Array(mostSettings);
  const message = new Uint8Array(messageBytes);
  let valueCount = 0;
  return {
    run: <T extends tf.Tensor[]>(
      operation: string,
      inputs: readonly (tf.Tensor | Settings)[],
      shapes: readonly (readonly number[])[],
    ) => {
      const outputs: tf.Tensor[] = [];
      const takesStored = readsStoredWeights.has(operation);
      try {
        let next = 0;
        for (const input of inputs) {
          if (input === given) writePlace(places, next++, -1, [valueCount]);
          else if (input === absent) writePlace(places, next++, 0, [0]);
          else {
            const { shape } = input as tf.Tensor;
            if (shape.length > mostAxes) throw tooManyAxes(operation, shape);
            const stored = takesStored ? storedNumbers(input as tf.Tensor) : undefined;
            const asMade = stored?.shape[0] === shape[0] && stored?.shape[1] === shape[1] && shape.length === 2;
            const place = stored && asMade ? firstStored - stored.number : tensors.address(input as tf.Tensor);
            writePlace(places, next++, place, shape);
          }
        }
        for (const shape of shapes) {
          const { tensor, address } = tensors.output(shape);
          outputs.push(tensor);
          writePlace(places, next++, address, tensor.shape);
        }
        const memory = tensors.memory();
        const fault = library.run(
          library.operations.get(operation)!,
          memory,
          memory.length,
          places,
          inputs.length,
          shapes.length,
          values,
          valueCount,
          message,
          messageBytes,
        );
        if (fault !== 0) throw failed(operation, fault, message);
      } catch (error) {
        for (const output of outputs) output.dispose();
        throw error;
      }
      return outputs as T;
    },
    settings: (...numbers) => {
      values.set(numbers);
      valueCount = numbers.length;
      return given;
    },
    absent: { float: absent, integer: absent },
  };
}

function failed(operation: string, fault: number, message: Uint8Array): TensorError {
  const text = new TextDecoder().decode(message.subarray(0, message.indexOf(0)));
  return new TensorError({
    code: fault === exhausted ? 'out-of-memory' : 'invalid-option',
    message: `native: ${operation}: ${text}`,
  });
}

function tooManyAxes(operation: string, shape: readonly number[]): TensorError {
  return new TensorError({
    code: 'shape-mismatch',
    message: `native: ${operation} takes tensors of at most ${mostAxes} axes, got [${shape.join(', ')}]. Reshape it.`,
  });
}
