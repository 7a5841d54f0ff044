import { packageConfig } from '@subtext/build/tsup';

export default packageConfig({
  entry: { index: 'src/index.ts', 'thinking-worker': 'src/thinking/thinking-worker.ts' },
});
