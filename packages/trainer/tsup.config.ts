import { packageConfig } from '@subtext/build/tsup';

export default packageConfig({
  entry: {
    index: 'src/index.ts',
    worker: 'src/parallel/worker.ts',
    'logger-worker': 'src/logs/logger-worker.ts',
    'training-worker': 'src/parallel/training-worker.ts',
    'reasoner-program': 'src/programs/reasoner-program.ts',
    'graph-program': 'src/graphs/graph-program.ts',
  },
});
