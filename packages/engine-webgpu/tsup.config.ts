import { packageConfig } from '@subtext/build/tsup';

const entry = { index: 'src/index.ts', adapter: 'src/adapter.ts' };

export default packageConfig({ entry, browser: { entry } });
