import { testConfig } from '@subtext/build/vitest';

export default testConfig({
  name: 'tensor',
  // Milliseconds: the largest parity cases take 0.3 s alone, but 20 s on two cores that serve twenty processes.
  testTimeout: 120_000,
});
