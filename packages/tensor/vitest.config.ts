import { testConfig } from '@subtext/build/vitest';

export default testConfig({
  name: 'tensor',
  // Milliseconds: the largest parity cases take 0.3 s on an idle machine, but 20 s on two cores with twenty processes.
  testTimeout: 120_000,
});
