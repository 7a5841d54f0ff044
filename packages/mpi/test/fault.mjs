// What happens when something goes wrong. Arguments: which fault, and a rank that it happens to.
import { openMpi } from '../dist/index.js';

const [fault, who] = process.argv.slice(2);
try {
  const mpi = await openMpi(fault === 'late' || fault === 'stopped' ? { deadlineSeconds: 1 } : {});
  const here = mpi.rank === Number(who);
  if (fault === 'truncated') {
    // A message that is longer than where it goes.
    if (mpi.rank === 0) mpi.send({ array: new Float32Array(8), to: Number(who) });
    if (here) mpi.receive({ array: new Float32Array(4), from: 0 });
  }
  if (fault === 'late' && here) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
  if (fault === 'stopped' && here) process.kill(process.pid, 'SIGSTOP');
  if (fault === 'killed' && here) process.kill(process.pid, 'SIGKILL');
  mpi.allReduce({ array: new Float32Array(100_000) });
  try {
    mpi.barrier();
  } finally {
    await mpi.close();
  }
} catch (error) {
  process.stdout.write(`${error.code}: ${error.message}\n`);
  await new Promise((resolve) => setTimeout(resolve, 500));
  process.exit(3);
}
