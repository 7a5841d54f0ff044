/** URL of the module of the program that trains interpreters: `ProgramSource.module`. Sources, in tests, take the built one. */
export const jointProgramModule = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/joint-program.js' : './joint-program.js',
  import.meta.url,
).href;
