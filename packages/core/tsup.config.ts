import { packageConfig } from '@subtext/build/tsup';

export default packageConfig({
  entry: { index: 'src/index.ts', node: 'src/node.ts', worker: 'src/workers/worker.ts' },
  browser: { entry: { index: 'src/index.ts', node: 'src/node.ts' } },
});
