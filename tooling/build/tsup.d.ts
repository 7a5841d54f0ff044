import type { Options } from 'tsup';

export interface PackageConfigOptions extends Omit<Options, 'entry' | 'format'> {
  /** Entry files, relative to the package: a list, or a map from output name to file. */
  entry: string[] | Record<string, string>;
  /** Entries for browsers, into `dist/browser`. @default none */
  browser?: {
    entry: Record<string, string>;
    /** Packages that need Node, left out; whoever calls them in a browser gets an error. @default none */
    nodeOnly?: string[];
    /** Files that are copied beside the entries. @default none */
    assets?: string[];
  };
  /** Large CommonJS packages that are required instead of imported, and the address of a file that depends on them. @default none */
  required?: { packages: string[]; from: string };
  /** First lines of each declaration file, for imports that the bundler of declarations leaves out. @default none */
  declarationBanner?: string;
}

export declare function packageConfig(options: PackageConfigOptions): ReturnType<typeof import('tsup').defineConfig>;
