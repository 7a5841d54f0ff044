/* global WebAssembly */
// MPI beside V8: the heap of the C library cannot grow, since something lies right behind it; and WebAssembly reads outside
// of its memory. Both must end as if there were no MPI.
import assert from 'node:assert/strict';
import koffi from 'koffi';
import { openMpi } from '../dist/index.js';

const libc = koffi.load('libc.so.6');
const sbrk = libc.func('uintptr_t sbrk(intptr_t)');
const mmap = libc.func('intptr_t mmap(uintptr_t, size_t, int, int, int, intptr_t)');
const heapEnd = () => BigInt(sbrk(0));

const PAGE = 4096n;
const [NO_ACCESS, PRIVATE, FIXED_NOREPLACE, ANONYMOUS, NORESERVE] = [0, 0x2, 0x10_0000, 0x20, 0x4000];
const wall = (heapEnd() + PAGE - 1n) & -PAGE;
const laid = BigInt(mmap(wall, 1 << 20, NO_ACCESS, PRIVATE | FIXED_NOREPLACE | ANONYMOUS | NORESERVE, -1, 0));
// Where V8 lies there already there is nothing to do.
if (laid !== wall) assert.equal(laid, -1n);
const before = heapEnd();

const mpi = await openMpi();
const array = new Float32Array(100_000).fill(1);
mpi.allReduce({ array });
assert.equal(array[0], mpi.size);
assert.equal(heapEnd(), before, 'the heap has lost memory that was in use');

// (module (memory (export "") 1) (func (export "f") (param i32) (result i32) (i32.load (local.get 0))))
const code = '0061736d010000000106016001 7f017f 03020100 0503010001 0705010166 0000 0a09010700200028 02000b';
const { f } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(code.replaceAll(' ', ''), 'hex'))).exports;
assert.equal(f(0), 0);
assert.throws(() => f(0x7fff_ffff), { name: 'RuntimeError', message: /out of bounds/ });
await mpi.close();
