/** What killing and restarting a run came to. */
export interface KillResult {
  passed: boolean;
  kills: number;
  insideSave: number;
  betweenManifestAndName: number;
  whileDeleting: number;
  beforeFirstCheckpoint: number;
  afterTheEnd: number;
  runsFinished: number;
  starts: number;
  unloadable: number;
  mostStepsLost: number;
  differentWeights: number;
  differentLogs: number;
  faults: string[];
  interval: number;
  stepsOfARun: number;
}

export declare function runKills(options: {
  kills: number;
  seed?: number;
  workers?: number;
  steps?: { text: number; encode: number; recover: number };
  shareInSave?: number;
  say?: (line: string) => void;
}): Promise<KillResult>;
