import { packageConfig } from '@subtext/build/tsup';

export default packageConfig({
  entry: { index: 'src/index.ts', browser: 'src/browser.ts', fuzz: 'src/fuzz/command.ts' },
  browser: { entry: { index: 'src/index.ts' } },
});
