import { packageConfig } from '@subtext/build/tsup';

export default packageConfig({
  entry: {
    index: 'src/index.ts',
    'logger-worker': 'src/logs/logger-worker.ts',
    'training-worker': 'src/parallel/training-worker.ts',
    'reasoner-program': 'src/programs/reasoner-program.ts',
    'joint-program': 'src/interpreters/joint-program.ts',
    'graph-program': 'src/graphs/graph-program.ts',
  },
});
