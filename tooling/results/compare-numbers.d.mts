export declare function compareNumbers(options: {
  committed: unknown;
  found: unknown;
  tolerances: Readonly<Record<string, number>>;
  path?: string;
}): string[];
