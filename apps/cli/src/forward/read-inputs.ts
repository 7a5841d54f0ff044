import { openSafetensors, toFloat32, type TensorData } from '@subtext/safetensors';
import { UsageError } from '@subtext/terminal';
import { isDeepStrictEqual } from 'node:util';

/** Numbers with a shape, row-major. */
export interface Numbers<Data extends Float32Array | Int32Array> {
  data: Data;
  shape: number[];
}

/** Inputs of a model, named as transformers names the arguments of `forward`. */
export interface ModelInputs {
  /** `[batch, time]` */
  input_ids?: Numbers<Int32Array>;
  /** `[batch, time]`: 1 where there is a token, 0 on padding. */
  attention_mask?: Numbers<Int32Array>;
  /** `[batch, time]` */
  position_ids?: Numbers<Int32Array>;
  /** `[batch, time, width]` */
  inputs_embeds?: Numbers<Float32Array>;
  /** Channels first; how many dimensions stand before the channels depends on the model. */
  pixel_values?: Numbers<Float32Array>;
  /** Idefics3: `[samples, tiles, height, width]` */
  pixel_attention_mask?: Numbers<Int32Array>;
  /** Mllama: `[samples, images]` */
  aspect_ratio_ids?: Numbers<Int32Array>;
  /** Mllama: `[samples, images, tiles]` */
  aspect_ratio_mask?: Numbers<Int32Array>;
  /** Mllama: `[batch, time, images, tiles]` */
  cross_attention_mask?: Numbers<Int32Array>;
}

export type InputName = keyof ModelInputs;

const floats: readonly InputName[] = ['inputs_embeds', 'pixel_values'];

/** Dimensions that inputs of a fixed number of dimensions have. */
const ranks: Partial<Record<InputName, { rank: number; shape: string }>> = {
  input_ids: { rank: 2, shape: '[batch, time]' },
  attention_mask: { rank: 2, shape: '[batch, time]' },
  position_ids: { rank: 2, shape: '[batch, time]' },
  inputs_embeds: { rank: 3, shape: '[batch, time, width]' },
  aspect_ratio_ids: { rank: 2, shape: '[samples, images]' },
  aspect_ratio_mask: { rank: 3, shape: '[samples, images, tiles]' },
  cross_attention_mask: { rank: 4, shape: '[batch, time, images, tiles]' },
};

/**
 * Reads a file of inputs. A tensor whose name is none of `known` is refused, never ignored: it would change what
 * transformers computes.
 */
export async function readInputs({
  path,
  known,
  model,
}: {
  path: string;
  known: readonly InputName[];
  /** For messages. */ model: string;
}): Promise<ModelInputs> {
  const file = await openSafetensors({ path });
  try {
    const unknown = file.names.filter((name) => !(known as readonly string[]).includes(name));
    if (unknown.length > 0)
      throw new UsageError(
        `${path}: ${model} has no input named ${unknown.map((name) => `"${name}"`).join(', ')}. It takes: ${known.join(', ')}.`,
      );
    const inputs: Partial<Record<InputName, Numbers<Float32Array | Int32Array>>> = {};
    for (const name of file.names as InputName[]) {
      const tensor = await file.read(name);
      const place = `${path}: ${name}`;
      const expected = ranks[name];
      if (expected && tensor.shape.length !== expected.rank)
        throw new UsageError(`${place} must be ${expected.shape}; it is [${tensor.shape.join(', ')}].`);
      if (tensor.data.length === 0)
        throw new UsageError(`${place} is empty: its shape is [${tensor.shape.join(', ')}].`);
      inputs[name] = {
        shape: tensor.shape,
        data: floats.includes(name) ? toFloats(tensor, place) : toIntegers(tensor, place),
      };
    }
    return inputs as ModelInputs;
  } finally {
    await file.close();
  }
}

/** Elements as float32; float64 is rounded, integers must be exact. */
function toFloats({ dtype, data }: TensorData, place: string): Float32Array {
  if (isFloat(dtype)) return dtype === 'F32' ? (data as Float32Array) : toFloat32({ dtype, data });
  throw new UsageError(`${place} holds ${dtype}; it must hold floating-point numbers.`);
}

/** Elements as int32; floating-point numbers are taken where they are whole, as in masks of ones and zeros. */
function toIntegers({ dtype, data }: TensorData, place: string): Int32Array {
  const numbers: ArrayLike<number | bigint> = isFloat(dtype) ? toFloat32({ dtype, data }) : data;
  const values = new Int32Array(numbers.length);
  for (let index = 0; index < numbers.length; index++) {
    const value = Number(numbers[index]);
    if (!Number.isInteger(value) || value < -(2 ** 31) || value >= 2 ** 31)
      throw new UsageError(`${place}[${index}] is ${value}; it must be a whole number that fits in 32 bits.`);
    values[index] = value;
  }
  return values;
}

function isFloat(dtype: string): boolean {
  return ['F64', 'F32', 'F16', 'BF16'].includes(dtype);
}

/** Checks that inputs fit each other: `[batch, time]` of all that has it. Gives the batch and the time. */
export function checkAgreement(inputs: ModelInputs): { batch: number; time: number } {
  const {
    input_ids: ids,
    inputs_embeds: embeds,
    attention_mask: mask,
    position_ids: positions,
    cross_attention_mask: crossMask,
  } = inputs;
  if (ids && embeds) throw new UsageError('Give input_ids or inputs_embeds, not both.');
  const main = ids ?? embeds;
  if (!main) throw new UsageError('The inputs need input_ids or inputs_embeds.');
  const [batch, time] = main.shape as [number, number];
  if (mask && !isDeepStrictEqual(mask.shape, [batch, time]))
    throw new UsageError(
      `attention_mask is [${mask.shape.join(', ')}]; for inputs of ${time} positions in ${batch} rows it must be [${batch}, ${time}].`,
    );
  const badMask = mask?.data.find((value) => value !== 0 && value !== 1);
  if (badMask !== undefined) throw new UsageError(`attention_mask holds ${badMask}; it must hold ones and zeros.`);
  // transformers lets one row of positions stand for all.
  if (positions && !((positions.shape[0] === batch || positions.shape[0] === 1) && positions.shape[1] === time))
    throw new UsageError(`position_ids is [${positions.shape.join(', ')}]; it must be [${batch}, ${time}].`);
  const badPosition = positions?.data.find((value) => value < 0);
  if (badPosition !== undefined) throw new UsageError(`position_ids holds ${badPosition}; positions count from 0.`);
  if (crossMask && !(crossMask.shape[0] === batch && crossMask.shape[1] === time))
    throw new UsageError(
      `cross_attention_mask is [${crossMask.shape.join(', ')}]; it must begin with [${batch}, ${time}].`,
    );
  return { batch, time };
}
