/* The calls of collectives.mjs from C: each function makes one `count` times and gives the seconds that they took. */
#include <mpi.h>

#define TIMED(call) \
  double began = MPI_Wtime(); \
  for (int round = 0; round < count; round++) call; \
  return MPI_Wtime() - began;

double all_reduce(float *array, int length, int count) {
  TIMED(MPI_Allreduce(MPI_IN_PLACE, array, length, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD))
}

double reduce_scatter(float *array, int length, int count) {
  int size;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  TIMED(MPI_Reduce_scatter_block(MPI_IN_PLACE, array, length / size, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD))
}

double all_gather(float *array, int length, int count) {
  int size;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  TIMED(MPI_Allgather(MPI_IN_PLACE, 0, MPI_FLOAT, array, length / size, MPI_FLOAT, MPI_COMM_WORLD))
}

double broadcast(float *array, int length, int count) {
  TIMED(MPI_Bcast(array, length, MPI_FLOAT, 0, MPI_COMM_WORLD))
}

/* There and back between the first two. */
double send_receive(float *array, int length, int count) {
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank > 1) return 0;
  TIMED({
    if (rank == 0) {
      MPI_Send(array, length, MPI_FLOAT, 1, 0, MPI_COMM_WORLD);
      MPI_Recv(array, length, MPI_FLOAT, 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    } else {
      MPI_Recv(array, length, MPI_FLOAT, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      MPI_Send(array, length, MPI_FLOAT, 0, 0, MPI_COMM_WORLD);
    }
  })
}
