import { packageConfig } from '@subtext/build/tsup';

export default packageConfig({
  entry: ['src/index.ts', 'src/node.ts'],
  browser: { entry: { index: 'src/index.ts', node: 'src/node.ts' } },
});
