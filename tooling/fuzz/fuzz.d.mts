/** One case that ended otherwise than in a result or a clear error. */
export interface Finding {
  case: number;
  seed: number;
  target: string;
  changes: string[];
  kind: string;
  text: string;
}

export interface FuzzOptions {
  /** @default 10000 */
  cases?: number;
  /** Of the changes. @default 1 */
  seed?: number;
  /** Processes. @default 2 */
  workers?: number;
  /** Only targets whose name holds this. @default all */
  target?: string;
  /** Only the case of this number. @default all */
  single?: number;
  /** One case in so many is a process of its own. @default 100 */
  casesAProcess?: number;
  /** That a command may take. @default 120 */
  seconds?: number;
  /** Bytes that a command's process may take. @default 3 GiB */
  memory?: number;
  /** MiB of JavaScript's own memory. @default 1024 */
  heap?: number;
  /** The address of a module that the commands' processes load first. @default none */
  preload?: string;
  /** A folder that `makeSeeds` made. @default makes one */
  seeds?: string;
  /** Keeps the cases' folders. @default false */
  keep?: boolean;
  /** Takes lines of progress. @default none */
  say?: (line: string) => void;
}

export declare function runFuzz(
  options?: FuzzOptions,
): Promise<{ cases: number; seed: number; findings: Finding[]; errors: number; results: number; seconds: number }>;
