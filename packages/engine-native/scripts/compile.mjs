// Compiles the engine `native` in a clone, once for its sources: `npm start`, `npm test` and `npm run bootstrap` call it.
// Without a C++ compiler it says in one line what that costs, and ends well: the engine `wasm` computes.
import { compileNative, nativeCompiler } from '../dist/index.js';

const wanted = process.env.SUBTEXT_ENGINE || 'auto';
if (wanted === 'auto' || wanted === 'native') {
  const compiler = await nativeCompiler();
  if (compiler.command === null) {
    console.log(
      `The engine native is not compiled (${compiler.reason}): wasm computes, which takes about twice as long, or more.`,
    );
  } else {
    try {
      const { seconds } = await compileNative({
        onStart: () => console.log('Compiling the engine native (once; about a minute of a processor) …'),
      });
      if (seconds > 0) console.log(`Compiled in ${seconds.toFixed(0)} seconds.`);
    } catch (error) {
      console.log(
        `The engine native does not compile (${error.message.split('\n')[0]}): wasm computes, which takes about twice as long, or more.`,
      );
    }
  }
}
