import { testConfig } from '@subtext/build/vitest';

export default testConfig({ name: 'data alone', alone: true });
