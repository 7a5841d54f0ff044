import { TensorError } from '@subtext/tensor';
import { tf } from '@subtext/tensor';
import { DeviceFaults } from '../device-faults';
import type { TensorInfo, UniformValue, WebgpuBackend } from './webgpu-backend';

/** Default workgroup size. */
export const defaultWorkgroup = 64;

export interface ShaderOptions {
  /** For labels and messages. */
  name: string;
  /** WGSL outside of the entry point: workgroup variables and functions. @default none */
  declarations?: string;
  /**
   * WGSL of the entry point. Sees `group` and `lane` (u32; neither is bounded by 65,535), `uniforms`, and the tensors as flat arrays by name.
   * Every tensor must be used: WebGPU takes a binding that is not for an error.
   */
  body: string;
  /** Read only; at most 8 tensors in all, which is what every device binds. */
  inputs: Readonly<Record<string, tf.Tensor>>;
  /** Allocated here, float32; every element must be written, since memory is reused. @default none */
  outputs?: Readonly<Record<string, readonly number[]>>;
  /** Changed in place; nothing else may share their memory. @default none */
  inPlace?: Readonly<Record<string, tf.Tensor>>;
  /** @default none */
  integers?: Readonly<Record<string, number>>;
  /** @default none */
  floats?: Readonly<Record<string, number>>;
  /** Number of workgroups. */
  groups: number;
  /** Threads per workgroup, at most 256. @default 64 */
  workgroup?: number;
}

/** Runs WGSL on the backend's queue, and returns its outputs by name. Compiled once for each text. */
export type RunShader = <Name extends string = never>(
  options: ShaderOptions & { outputs?: Readonly<Record<Name, readonly number[]>> },
) => Record<Name, tf.Tensor>;

/** Runs shaders on a backend, beside the backend's own. What the device reported since the last run is thrown by the next. */
export function shaderRunner(backend: WebgpuBackend): RunShader {
  const pipelines = new Map<string, object>();
  const faults = new DeviceFaults(backend.device);
  return ({
    name,
    declarations = '',
    body,
    inputs,
    outputs = {},
    inPlace = {},
    integers = {},
    floats = {},
    groups,
    workgroup = defaultWorkgroup,
  }) => {
    faults.check();
    const made = Object.entries<readonly number[]>(outputs).map(
      ([key, shape]) => [key, newTensor(backend, shape)] as const,
    );
    const result = Object.fromEntries(made);
    if (groups === 0) {
      return result as never;
    }
    const written = [...made, ...Object.entries(inPlace)].map(([key, tensor]) => [key, infoOf(tensor)] as const);
    const read = Object.entries(inputs).map(([key, tensor]) => [key, infoOf(tensor)] as const);
    const bound = [...written, ...read];
    for (const [key, { dataId, shape }] of bound) {
      checkBinding(backend, name, key, shape[0]!);
      backend.uploadToGPU(dataId);
    }
    for (const [, { dataId }] of written) {
      // A copy on the host, from an earlier read, is out of date now.
      backend.tensorMap.get(dataId).values = null;
    }
    const storage = bound.map(
      ([key, { dtype }], index) =>
        `@group(0) @binding(${index}) var<storage, ${index < written.length ? 'read_write' : 'read'}> ${key}: array<${dtype === 'float32' ? 'f32' : 'i32'}>;`,
    );
    // The backend's own uniforms come first: flat tensors have one number of shape and one of strides.
    const own = [
      'NAN: f32',
      'INFINITY: f32',
      ...bound.map((_, index) => `shape${index}: i32, strides${index}: i32`),
      'groups: u32',
      ...Object.keys(integers).map((key) => `${key}: i32`),
      ...Object.keys(floats).map((key) => `${key}: f32`),
    ];
    const code = `
struct Uniforms { ${own.join(', ')} };
${storage.join('\n')}
@group(0) @binding(${bound.length}) var<uniform> uniforms: Uniforms;
${declarations}
@compute @workgroup_size(${workgroup})
fn start(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) workgroupId: vec3<u32>, @builtin(num_workgroups) workgroupCount: vec3<u32>) {
  let group = workgroupId.y * workgroupCount.x + workgroupId.x;
  if (group >= uniforms.groups) { return; }
  ${body}
}`;
    let pipeline = pipelines.get(code);
    if (!pipeline) {
      const module = backend.device.createShaderModule({ code, label: name });
      pipeline = backend.device.createComputePipeline({
        label: name,
        layout: 'auto',
        compute: { module, entryPoint: 'start' },
      });
      pipelines.set(code, pipeline);
    }
    const values: UniformValue[] = [
      { type: 'int32', data: [groups] },
      ...Object.values(integers).map((value) => ({ type: 'int32' as const, data: [value] })),
      ...Object.values(floats).map((value) => ({ type: 'float32' as const, data: [value] })),
    ];
    const [[, first], ...rest] = bound as [readonly [string, TensorInfo], ...(readonly [string, TensorInfo])[]];
    backend.recordAndSubmit(
      { pipeline, dispatch: dispatchOf(groups, backend.device.limits.maxComputeWorkgroupsPerDimension) },
      first,
      rest.map(([, info]) => info),
      values,
    );
    return result as never;
  };
}

/** Workgroups as rows and columns, where one row would have more than a device takes. */
export function dispatchOf(groups: number, limit: number): [number, number, number] {
  const rows = Math.ceil(groups / limit);
  return [Math.ceil(groups / rows), rows, 1];
}

function newTensor(backend: WebgpuBackend, shape: readonly number[]): tf.Tensor {
  const size = tf.util.sizeFromShape(shape as number[]);
  // The device has no buffers without a byte.
  const info = backend.makeTensorInfo([...shape], 'float32', size === 0 ? new Float32Array(0) : undefined);
  return tf.engine().makeTensorFromTensorInfo(info as unknown as tf.TensorInfo);
}

/** The tensor as a flat array. */
function infoOf({ dataId, dtype, size }: tf.Tensor): TensorInfo {
  return { dataId, dtype: dtype as TensorInfo['dtype'], shape: [size] };
}

function checkBinding(backend: WebgpuBackend, name: string, key: string, size: number): void {
  const limit = backend.device.limits.maxStorageBufferBindingSize;
  if (size * 4 > limit) {
    throw new TensorError({
      code: 'out-of-memory',
      message: `${name}: ${key} takes ${size * 4} bytes, but this graphics adapter binds at most ${limit} in one tensor. Use smaller batches or shorter sequences.`,
    });
  }
}
