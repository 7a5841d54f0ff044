import type { Options } from 'tsup';

export interface PackageConfigOptions extends Omit<Options, 'entry' | 'format'> {
  /** Entry files, relative to the package: a list, or a map from output name to file. */
  entry: string[] | Record<string, string>;
}

export declare function packageConfig(options: PackageConfigOptions): ReturnType<typeof import('tsup').defineConfig>;
