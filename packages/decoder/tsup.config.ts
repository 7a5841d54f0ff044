import { packageConfig } from '@subtext/build/tsup';

export default packageConfig({ entry: ['src/index.ts'] });
