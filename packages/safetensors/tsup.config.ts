import { packageConfig } from '@subtext/build/tsup';

export default packageConfig({
  entry: { index: 'src/index.ts', browser: 'src/browser.ts', pytorch: 'src/pytorch.ts', fuzz: 'src/fuzz/command.ts' },
  browser: { entry: { index: 'src/index.ts', pytorch: 'src/pytorch.ts' } },
});
