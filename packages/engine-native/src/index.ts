export { nativeEngine as engine } from './engine';
export { compileNative, nativeCompiler, type NativeCompilation } from './compile-native';
