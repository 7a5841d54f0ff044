import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The two builds of the kernels; `src/engines/wasm/kernels/kernel-module.ts` chooses between them. */
export const variants = [
  { name: 'relaxed-simd-kernels', features: ['--enable', 'relaxed-simd'] },
  { name: 'simd-kernels', features: [] },
];

/**
 * Compiles one variant. Nothing of it may lie in memory, which belongs to TensorFlow.js: the compile fails if the
 * module has data segments or more than imports one memory.
 */
export async function compileVariant({ name, features }) {
  const { error, stderr, binary } = await compile(features);
  if (error) throw new Error(`assembly does not compile (${name}):\n${stderr}`);
  const sections = customlessSections(binary);
  if (sections.includes(11))
    throw new Error(
      "assembly: the module has static data, which would overwrite the backend's memory. Remove strings, arrays and static objects.",
    );
  const base64 = Buffer.from(binary).toString('base64');
  const lines = base64.match(/.{1,160}/g).join('\n');
  const text = `// Made by scripts/build-assembly.mjs from assembly/. Do not edit. Base64, with line breaks.\nexport const binary = \`\n${lines}\n\`;\n`;
  return { binary, text };
}

async function compile(features) {
  const outputs = new Map();
  const result = await asc.main(
    [
      'assembly/index.ts',
      '--baseDir',
      root,
      '--outFile',
      'kernels.wasm',
      '--optimizeLevel',
      '3',
      '--shrinkLevel',
      '0',
      '--converge',
      '--noAssert',
      '--runtime',
      'stub',
      '--importMemory',
      '--maximumMemory',
      '65536',
      '--enable',
      'simd',
      ...features,
    ],
    {
      writeFile: (file, contents) => void outputs.set(file, contents),
    },
  );
  return { ...result, stderr: result.stderr.toString(), binary: outputs.get('kernels.wasm') };
}

/** The ids of a module's sections. */
function customlessSections(binary) {
  const ids = [];
  let at = 8;
  while (at < binary.length) {
    const id = binary[at++];
    let size = 0;
    let shift = 0;
    for (;;) {
      const byte = binary[at++];
      size += (byte & 0x7f) * 2 ** shift;
      shift += 7;
      if (byte < 0x80) break;
    }
    if (id !== 0) ids.push(id);
    at += size;
  }
  return ids;
}
