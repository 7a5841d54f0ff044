import { testConfig } from '@subtext/build/vitest';

// The commands run as processes of their own, several at once: a busy machine needs patience.
export default testConfig({ name: 'cli', testTimeout: 120_000, hookTimeout: 180_000 });
