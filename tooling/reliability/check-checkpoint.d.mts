export declare function faultsOf(folder: string): string[];

export declare function readCheckpoints(run: string): {
  /** Steps of whole checkpoints, from the oldest. */
  whole: number[];
  broken: { name: string; faults: string[] }[];
  unfinished: string[];
  half: string[];
  aside: string[];
};
