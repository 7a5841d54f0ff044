import type { ViteUserConfig } from 'vitest/config';

export declare function testConfig(options?: { name?: string } & NonNullable<ViteUserConfig['test']>): ViteUserConfig;
