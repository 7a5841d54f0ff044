/**
 * What UCX is told, by which MPICH and others send, where the environment does not say otherwise: it was not made to live
 * in a process beside V8.
 *
 * - `UCX_MEM_EVENTS`: to hear of memory that is unmapped it replaces functions of the C library, and tries whether that
 *   worked by growing the heap by a page and shrinking it by one, without looking whether growing did. V8 likes to lay its
 *   code right behind the heap, which then cannot grow: a page that is in use is unmapped, and whoever touches it crashes
 *   (UCX 1.13.1). Without these events UCX keeps no register of memory that a network card knows.
 * - `UCX_ERROR_SIGNALS`: its handler of SIGSEGV ends the process where WebAssembly reads outside of its memory, which V8
 *   turns into an error.
 */
const settings = { UCX_MEM_EVENTS: 'n', UCX_ERROR_SIGNALS: '' };

/** Settles UCX's options; before a library of MPI is loaded, since it reads them then. */
export function calmUcx(): void {
  for (const [name, value] of Object.entries(settings)) process.env[name] ??= value;
}
