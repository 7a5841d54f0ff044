import { packageConfig } from '@subtext/build/tsup';

export default packageConfig({ entry: ['src/main.ts', 'src/program.ts'] });
