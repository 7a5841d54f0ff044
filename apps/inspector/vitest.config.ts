import { testConfig } from '@subtext/build/vitest';

export default testConfig({ name: 'inspector' });
