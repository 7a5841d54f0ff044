import { tf } from '@subtext/tensor';
import type { ReportingDevice } from '../device-faults';

/** A tensor as the backend's own programs know it. */
export interface TensorInfo {
  dataId: object;
  shape: number[];
  dtype: 'float32' | 'int32' | 'bool';
}

/** What the backend holds of a tensor: on the device, on the host, or on both. */
interface TensorData {
  values: ArrayBufferView | null | undefined;
  resource: object | null | undefined;
}

/** What of a WebGPU device is used here. */
interface Device extends ReportingDevice {
  limits: { maxStorageBufferBindingSize: number; maxComputeWorkgroupsPerDimension: number };
  createShaderModule(options: { code: string; label: string }): object;
  createComputePipeline(options: {
    label: string;
    layout: 'auto';
    compute: { module: object; entryPoint: string };
  }): object;
}

/** A uniform value, as the backend packs it. */
export interface UniformValue {
  type: 'int32' | 'float32';
  data: number[];
}

/** The parts of TensorFlow.js's WebGPU backend (4.22) through which shaders of our own join its queue. */
export interface WebgpuBackend {
  device: Device;
  tensorMap: { get(dataId: object): TensorData };
  makeTensorInfo(shape: number[], dtype: string, values?: ArrayBufferView): TensorInfo;
  uploadToGPU(dataId: object): void;
  /**
   * Binds the output at 0, the inputs from 1 on, and then a block of uniforms: NaN, infinity, the shape and strides of
   * each input and of the output, and `uniforms`.
   */
  recordAndSubmit(
    program: { pipeline: object; dispatch: [number, number, number] },
    output: TensorInfo,
    inputs: TensorInfo[],
    uniforms: UniformValue[],
  ): void;
}

/** TensorFlow.js's WebGPU backend, once loaded. */
export function webgpuBackend(): WebgpuBackend {
  return tf.findBackend('webgpu') as unknown as WebgpuBackend;
}
