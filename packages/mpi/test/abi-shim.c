/* The standard ABI of MPI 5 over whichever MPI `mpicc` compiles for: what a libmpi_abi.so of that MPI would offer, for tests. */
#include <mpi.h>
#include <stdint.h>
#include <stdlib.h>

typedef intptr_t H;

static MPI_Datatype type(H h) {
  switch (h) {
    case 0x210: return MPI_FLOAT;
    case 0x214: return MPI_DOUBLE;
    case 0x240: return MPI_INT8_T;
    case 0x241: return MPI_UINT8_T;
    case 0x248: return MPI_INT16_T;
    case 0x249: return MPI_UINT16_T;
    case 0x250: return MPI_INT32_T;
    case 0x251: return MPI_UINT32_T;
    case 0x258: return MPI_INT64_T;
    case 0x259: return MPI_UINT64_T;
  }
  abort();
}
static MPI_Op op(H h) {
  switch (h) {
    case 0x21: return MPI_SUM;
    case 0x22: return MPI_MIN;
    case 0x23: return MPI_MAX;
    case 0x24: return MPI_PROD;
  }
  abort();
}
static MPI_Comm comm(H h) {
  if (h != 0x101) abort();
  return MPI_COMM_WORLD;
}
static void *place(void *p) { return p == (void *)1 ? MPI_IN_PLACE : p; }

int MPI_Abi_get_version(int *major, int *minor) { *major = 1, *minor = 0; return 0; }
int abi_Init_thread(void *a, void *b, int level, int *got) {
  if (level != 1024) abort();
  return PMPI_Init_thread(a, b, MPI_THREAD_FUNNELED, got);
}
int abi_Comm_set_errhandler(H c, H e) {
  if (e != 0x143) abort();
  return PMPI_Comm_set_errhandler(comm(c), MPI_ERRORS_RETURN);
}
int abi_Abort(H c, int code) { return PMPI_Abort(comm(c), code); }
int abi_Comm_rank(H c, int *n) { return PMPI_Comm_rank(comm(c), n); }
int abi_Comm_size(H c, int *n) { return PMPI_Comm_size(comm(c), n); }
int abi_Barrier(H c) { return PMPI_Barrier(comm(c)); }
int abi_Bcast(void *b, int n, H t, int r, H c) { return PMPI_Bcast(b, n, type(t), r, comm(c)); }
int abi_Reduce(void *s, void *d, int n, H t, H o, int r, H c) { return PMPI_Reduce(place(s), d, n, type(t), op(o), r, comm(c)); }
int abi_Allreduce(void *s, void *d, int n, H t, H o, H c) { return PMPI_Allreduce(place(s), d, n, type(t), op(o), comm(c)); }
int abi_Reduce_scatter_block(void *s, void *d, int n, H t, H o, H c) { return PMPI_Reduce_scatter_block(place(s), d, n, type(t), op(o), comm(c)); }
int abi_Allgather(void *s, int m, H u, void *d, int n, H t, H c) { return PMPI_Allgather(place(s), m, type(u), d, n, type(t), comm(c)); }
int abi_Gather(void *s, int m, H u, void *d, int n, H t, int r, H c) { return PMPI_Gather(s, m, type(u), d, n, type(t), r, comm(c)); }
int abi_Send(void *b, int n, H t, int to, int tag, H c) { return PMPI_Send(b, n, type(t), to, tag, comm(c)); }
int abi_Recv(void *b, int n, H t, int from, int tag, H c, void *s) { return PMPI_Recv(b, n, type(t), from, tag, comm(c), MPI_STATUS_IGNORE); }
int abi_Iprobe(int from, int tag, H c, int *found, void *s) { return PMPI_Iprobe(from, tag, comm(c), found, MPI_STATUS_IGNORE); }
int abi_Ibarrier(H c, MPI_Request *q) { return PMPI_Ibarrier(comm(c), q); }
int abi_Ibcast(void *b, int n, H t, int r, H c, MPI_Request *q) { return PMPI_Ibcast(b, n, type(t), r, comm(c), q); }
int abi_Ireduce(void *s, void *d, int n, H t, H o, int r, H c, MPI_Request *q) { return PMPI_Ireduce(place(s), d, n, type(t), op(o), r, comm(c), q); }
int abi_Ireduce_scatter_block(void *s, void *d, int n, H t, H o, H c, MPI_Request *q) { return PMPI_Ireduce_scatter_block(place(s), d, n, type(t), op(o), comm(c), q); }
int abi_Iallgather(void *s, int m, H u, void *d, int n, H t, H c, MPI_Request *q) { return PMPI_Iallgather(place(s), m, type(u), d, n, type(t), comm(c), q); }
int abi_Igather(void *s, int m, H u, void *d, int n, H t, int r, H c, MPI_Request *q) { return PMPI_Igather(place(s), m, type(u), d, n, type(t), r, comm(c), q); }
int abi_Iallreduce(void *s, void *d, int n, H t, H o, H c, MPI_Request *q) { return PMPI_Iallreduce(place(s), d, n, type(t), op(o), comm(c), q); }
int abi_Isend(void *b, int n, H t, int to, int tag, H c, MPI_Request *q) { return PMPI_Isend(b, n, type(t), to, tag, comm(c), q); }
int abi_Irecv(void *b, int n, H t, int from, int tag, H c, MPI_Request *q) { return PMPI_Irecv(b, n, type(t), from, tag, comm(c), q); }
int abi_Testall(int n, MPI_Request *q, int *f, void *s) { return PMPI_Testall(n, q, f, MPI_STATUSES_IGNORE); }
