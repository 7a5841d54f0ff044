export interface PackageSizes {
  /** Kilobytes. */
  tarball: number;
  installed: number;
}
export declare function overBudget(options: {
  budget: Record<string, PackageSizes>;
  measured: Record<string, PackageSizes>;
}): string[];
export declare function budgetOf(measured: Record<string, PackageSizes>): Record<string, PackageSizes>;
