/**
 * Settings that UCX, used by MPICH and others, needs to run in the same process as V8, unless the environment sets them.
 *
 * - `UCX_MEM_EVENTS`: to track unmapped memory, UCX replaces functions of the C library and tests this by growing the heap
 *   by a page and shrinking it again, without checking whether growing succeeded. V8 often places its code directly after
 *   the heap, which then cannot grow: a page in use is unmapped, and the next access to it crashes (UCX 1.13.1). Without
 *   these events UCX does not cache memory registrations for network cards.
 * - `UCX_ERROR_SIGNALS`: UCX's handler of SIGSEGV terminates the process on an out-of-bounds access in WebAssembly, which
 *   V8 would turn into an error.
 */
const settings = { UCX_MEM_EVENTS: 'n', UCX_ERROR_SIGNALS: '' };

/** Sets UCX's options. Call it before loading an MPI library, which reads them. */
export function calmUcx(): void {
  for (const [name, value] of Object.entries(settings)) process.env[name] ??= value;
}
