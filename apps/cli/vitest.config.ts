import { testConfig } from '@subtext/build/vitest';

// The commands run as processes of their own, several at once: a busy machine needs patience.
export default testConfig({ name: 'cli', testTimeout: 240_000, hookTimeout: 240_000 });
