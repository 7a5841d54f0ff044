import { testConfig } from '@subtext/build/vitest';

// The commands run as processes of their own: a busy machine needs patience.
export default testConfig({ name: 'eval-cli', testTimeout: 120_000, hookTimeout: 180_000 });
