export { RandomStream } from './random/random-stream';
export { closeFiles, openFiles } from './files/open-files';
export { SubtextError, type SubtextErrorOptions } from './subtext-error';
export { ownValue } from './own-value';
export { describeIssue, describeIssues, type SchemaIssue } from './text/describe-issues';
export { parseJson, type ParseJsonOptions } from './text/parse-json';
export { printable, printableLine } from './text/printable';
export { printableUrl, redact } from './text/redact';
export { compilePattern, type CompilePatternOptions, type Pattern } from './pattern/pattern';
export type { PatternDialect } from './pattern/pattern-reader';
export { PatternError, type PatternErrorCode } from './pattern/pattern-error';
export {
  checkConfidence,
  meanAndDeviation,
  type Interval,
  type MeanAndDeviation,
  pairedDifference,
  wilsonInterval,
} from './statistics/intervals';
export { complementaryError, normalQuantile } from './statistics/normal-distribution';
export type { Estimate } from './statistics/intervals';
