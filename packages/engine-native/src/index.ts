export { memorySpeed, nativeEngine as engine } from './engine';
export { compileLibraryFor, compileNative, nativeCompiler, type NativeCompilation } from './compile-native';
export { platformLibraryName, platformPackage, platforms } from './library-file';
