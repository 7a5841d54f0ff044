import { packageConfig } from '@subtext/build/tsup';

export default packageConfig({
  entry: {
    index: 'src/index.ts',
    'joint-program': 'src/programs/joint-program.ts',
    'thinking-worker': 'src/thinking/thinking-worker.ts',
  },
});
