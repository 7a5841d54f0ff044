import { packageConfig } from '@subtext/build/tsup';

export default packageConfig({ entry: { index: 'src/index.ts' } });
