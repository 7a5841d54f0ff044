// Trains one model on several processes and machines. Start it as any program of MPI is started:
//   mpirun -n 4 node several-machines.mjs DATA OUTPUT [STEPS]
//   srun --mpi=pmix node several-machines.mjs DATA OUTPUT
// Weights and log are those of one process, byte for byte: a batch is cut into shards, which are summed in their order.
import { readExamples } from '@subtext/data';
import { useEngine } from '@subtext/tensor';
import { openCollective, trainRun } from '@subtext/trainer';

const [data, folder, steps = '1000'] = process.argv.slice(2);
await useEngine();
// Started by itself, the process is alone, and no MPI is needed.
const { collective, close } = await openCollective();
const { rank, size } = collective;
try {
  const { examples } = await readExamples({ path: data });
  const { status, seconds } = await trainRun({
    folder, // of the first rank; the others write nothing
    collective,
    examples,
    reasoningFormat: 'lines',
    method: { name: 'coconut', hiddenSteps: 2 },
    model: { new: { model_type: 'gpt2', n_positions: 64, n_embd: 32, n_layer: 2, n_head: 2 } },
    training: { batchSize: 8, shards: 4, text: { steps: Number(steps) }, encode: { steps: Number(steps) } },
    workers: 0,
    onEvent(told) {
      if (rank === 0 && told.event === 'progress') console.log(told.progress.step, told.progress.loss);
    },
  });
  if (rank === 0) console.log(`${status} on ${size} ranks after ${Math.round(seconds)} s`);
} finally {
  await close();
}
