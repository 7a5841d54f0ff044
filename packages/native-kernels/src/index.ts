export { nativeFolder, nativeSources, type NativeSources } from './native-sources';
export { describedLibrary, describeLibrary } from './described-library';
export { compileLibrary, type CompileLibraryOptions } from './compile/compile-library';
export { checkWritable, findCompiler, findExecutable, type CommandLine } from './compile/executables';
export { CommandError, runCommand, type RunCommandOptions } from './compile/run-command';
export { isRunning } from './compile/is-running';
export { createNativeKernels } from './kernels/create-native-kernels';
export type { OperationRunner, Settings } from './kernels/operation-runner';
export { storedTypes } from './kernels/stored-types';
