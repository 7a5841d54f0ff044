/** Notes which of a configuration's keys are read, and which are copied with their block. */
export declare function observeReads(leaves: readonly string[]): {
  observe: <Value>(value: Value) => Value;
  reads: Set<string>;
  copies: Set<string>;
};
