export { isOwnModelCard } from './card/model-card';
export { differingKeys, firstDifference } from './runs/compare-runs';
export { type LoggedStep } from './runs/read-log';
export { findRuns, readRun, type RunState, type TrainingRun } from './runs/read-run';
export { type CurvePoint, RunCurves } from './runs/run-curves';
