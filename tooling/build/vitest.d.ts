import type { ViteUserConfig } from 'vitest/config';

export declare function testConfig(
  options?: {
    name?: string;
    /** Of the files that need processes of their own. @default false */
    alone?: boolean;
  } & NonNullable<ViteUserConfig['test']>,
): ViteUserConfig;
