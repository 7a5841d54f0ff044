/** One case that ended otherwise than in a result or a clear error. */
export interface Finding {
  case: number;
  seed: number;
  target: string;
  changes: string[];
  kind: string;
  text: string;
}

export declare function runFuzz(options?: {
  cases?: number;
  seed?: number;
  workers?: number;
  target?: string;
  single?: number;
  keep?: boolean;
  say?: (line: string) => void;
}): Promise<{ cases: number; seed: number; findings: Finding[]; errors: number; results: number; seconds: number }>;
