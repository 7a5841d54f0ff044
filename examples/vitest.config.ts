import { testConfig } from '@subtext/build/vitest';

export default testConfig({ name: 'examples', testTimeout: 120_000, hookTimeout: 300_000 });
