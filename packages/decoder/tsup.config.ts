import { packageConfig } from '@subtext/build/tsup';

const entry = { index: 'src/index.ts', cards: 'src/cards.ts' };

export default packageConfig({ entry, browser: { entry } });
