/** Supported binary interfaces (ABIs), which define the types and values of handles. */
export type MpiKind = 'abi' | 'openmpi' | 'mpich';

export const elementTypes = [
  'float32',
  'float64',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
] as const;
export type ElementType = (typeof elementTypes)[number];

export const operations = ['sum', 'min', 'max', 'product'] as const;
/** Reduction operation. */
export type Operation = (typeof operations)[number];

/** A handle: an address or a number. */
export type Handle = bigint | number;

/** The constants of one binary interface. */
export interface Handles {
  /** The C type of handles, for koffi. */
  handleType: 'uintptr_t' | 'int';
  world: Handle;
  inPlace: bigint;
  ignoreStatus: bigint;
  errorsReturn: Handle;
  funneled: number;
  types: Record<ElementType, Handle>;
  operations: Record<Operation, Handle>;
}

/** Constants of the MPI-5 standard ABI. */
const abi: Handles = {
  handleType: 'uintptr_t',
  world: 0x101,
  inPlace: 1n,
  ignoreStatus: 0n,
  errorsReturn: 0x143,
  funneled: 1024,
  types: {
    float32: 0x210,
    float64: 0x214,
    int8: 0x240,
    uint8: 0x241,
    int16: 0x248,
    uint16: 0x249,
    int32: 0x250,
    uint32: 0x251,
    int64: 0x258,
    uint64: 0x259,
  },
  operations: { sum: 0x21, min: 0x22, max: 0x23, product: 0x24 },
};

/** The common ABI of MPICH, Intel MPI and MVAPICH (`libmpi.so.12`). */
const mpich: Handles = {
  handleType: 'int',
  world: 0x44000000,
  inPlace: 0xffffffffffffffffn,
  ignoreStatus: 1n,
  errorsReturn: 0x54000001,
  funneled: 1,
  types: {
    float32: 0x4c00040a,
    float64: 0x4c00080b,
    int8: 0x4c000137,
    uint8: 0x4c00013b,
    int16: 0x4c000238,
    uint16: 0x4c00023c,
    int32: 0x4c000439,
    uint32: 0x4c00043d,
    int64: 0x4c00083a,
    uint64: 0x4c00083e,
  },
  operations: { sum: 0x58000003, min: 0x58000002, max: 0x58000001, product: 0x58000004 },
};

/** Open MPI's handles are addresses of objects in the library. */
function openmpi(address: (symbol: string) => bigint): Handles {
  const types = {} as Record<ElementType, Handle>;
  for (const type of elementTypes) {
    const name = { float32: 'float', float64: 'double' }[type as string] ?? `${type}_t`;
    types[type] = address(`ompi_mpi_${name}`);
  }
  return {
    handleType: 'uintptr_t',
    world: address('ompi_mpi_comm_world'),
    inPlace: 1n,
    ignoreStatus: 0n,
    errorsReturn: address('ompi_mpi_errors_return'),
    funneled: 1,
    types,
    operations: {
      sum: address('ompi_mpi_op_sum'),
      min: address('ompi_mpi_op_min'),
      max: address('ompi_mpi_op_max'),
      product: address('ompi_mpi_op_prod'),
    },
  };
}

/**
 * The constants of a library.
 *
 * @param options.address resolves a symbol of the library
 */
export function handlesOf({ kind, address }: { kind: MpiKind; address: (symbol: string) => bigint }): Handles {
  if (kind === 'openmpi') return openmpi(address);
  return kind === 'abi' ? abi : mpich;
}
