import { packageConfig } from '@subtext/build/tsup';

export default packageConfig({
  entry: {
    index: 'src/index.ts',
    runs: 'src/runs.ts',
    'logger-worker': 'src/logs/logger-worker.ts',
    'training-worker': 'src/parallel/training-worker.ts',
    program: 'src/program/program.ts',
  },
});
