export { commandName } from './command-name';
export { findModel } from './find-model';
export { interruptSignal, STOPPED } from './interrupt';
export {
  dtypeOption,
  engineFor,
  engineNames,
  engineOption,
  nonNegativeNumber,
  number,
  positiveWholeNumber,
  includeOption,
  repeated,
  share,
  wholeNumber,
  wholeNumberList,
  wordList,
} from './options';
export { createOutput, duration, type Output, type Progress, silentOutput } from './output';
export { type CommandEntry, commandAskedFor, runProgram } from './program';
export { reportError } from './report-error';
export { outputEnded, resultsAreFiles, writeError, writeErrorLine, writeOut } from './standard-output';
export { textTable } from './text-table';
export { UsageError } from './usage-error';
