import { packageConfig } from '@subtext/build/tsup';

export default packageConfig({ entry: ['src/index.ts'], browser: { entry: { index: 'src/index.ts' } } });
