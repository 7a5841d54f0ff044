// Makes src/generated/tensorflow-additions.js from the installed @tensorflow/tfjs-core: the gradients of its operations and
// the operations as methods of tensors. In Node, tfjs-core is one CommonJS file without either; the umbrella package
// @tensorflow/tfjs adds them, and 200 MB that nothing here uses. What tfjs-core exports is imported from it, the rest is
// copied. Run it after a change of tfjs-core's version:
//   node packages/tensor/scripts/build-tensorflow-additions.mjs
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(join(folder, 'package.json'));
const tf = require('@tensorflow/tfjs-core');
const core = realpathSync(dirname(require.resolve('@tensorflow/tfjs-core')));

const namespaces = ['util', 'broadcast_util', 'backend_util', 'slice_util', 'image'];
const renamed = { ENGINE: 'tf.engine()', getGlobalTensorClass: '() => tf.Tensor' };

/** JavaScript that exports under its name what tfjs-core itself exports somewhere; undefined for what it keeps to itself. */
function fromPackage(name) {
  if (name in renamed) return `export const ${name} = /* @__PURE__ */ (() => ${renamed[name]})();`;
  if (name in tf) return `export { ${name} } from '@tensorflow/tfjs-core';`;
  const namespace = namespaces.find((one) => name in tf[one]);
  return namespace && `export const ${name} = /* @__PURE__ */ (() => tf.${namespace}.${name})();`;
}

/** The names that a file of tfjs-core exports. */
function exportedNames(path) {
  const name = relative(core, path).replaceAll('\\', '/');
  if (name === 'util.js') return Object.keys(tf.util);
  if (name === 'ops/ops.js') return Object.keys(tf).filter((one) => typeof tf[one] === 'function');
  return [
    ...readFileSync(path, 'utf8').matchAll(/^export (?:const|function|class) (\w+)|^export \{([^}]*)\}/gm),
  ].flatMap(([, one, list]) => (one ? [one] : list.split(',').map((part) => part.trim().split(' as ').at(-1))));
}

/** Stands before each file of tfjs-core: what the package exports comes from the package, only the rest from a copy of the file. */
const throughThePackage = {
  name: 'through-the-package',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^copy:/ }, ({ path }) => ({
      path: path.slice('copy:'.length),
      namespace: 'copy',
      sideEffects: false,
    }));
    onResolve({ filter: /^\./, namespace: 'copy' }, ({ path, importer }) => ({
      path: `${join(dirname(importer), path)}.js`,
    }));
    onLoad({ filter: /./, namespace: 'copy' }, ({ path }) => ({ contents: readFileSync(path, 'utf8'), loader: 'js' }));
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      if (/^(gradients|public)\/|^register_all_gradients\.js$/.test(relative(core, path).replaceAll('\\', '/')))
        return undefined;
      const lines = exportedNames(path).map((one) => fromPackage(one) ?? `export { ${one} } from 'copy:${path}';`);
      return { contents: ["import * as tf from '@tensorflow/tfjs-core';", ...lines].join('\n'), loader: 'js' };
    });
  },
};

const result = await build({
  stdin: {
    contents: "import './register_all_gradients';\nimport './public/chained_ops/register_all_chained_ops';",
    resolveDir: core,
  },
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  external: ['@tensorflow/tfjs-core'],
  legalComments: 'none',
  write: false,
  plugins: [throughThePackage],
});
const notice = `// Made by scripts/build-tensorflow-additions.mjs from @tensorflow/tfjs-core ${tf.version_core}; do not edit.
// Copyright 2018-2024 Google LLC. Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file
// except in compliance with the License. You may obtain a copy of the License at
// http://www.apache.org/licenses/LICENSE-2.0. Unless required by applicable law or agreed to in writing, software
// distributed under the License is distributed on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either
// express or implied. See the License for the specific language governing permissions and limitations under the License.
`;
/** One import in place of hundreds; and no paths of this machine. */
const imported = new Set();
const body = result.outputFiles[0].text
  .replaceAll(/^import \{ ([^}]*) \} from "@tensorflow\/tfjs-core";\n/gm, (_, names) => {
    for (const name of names.split(',')) imported.add(name.trim());
    return '';
  })
  .replaceAll(/^(?:import \* as tf from "@tensorflow\/tfjs-core";|\/\/ .*)\n/gm, '')
  .replaceAll(/\bimport \* as (tf\d+) from "@tensorflow\/tfjs-core";\n/g, 'const $1 = tf;\n')
  .replaceAll(/\n{2,}/g, '\n');
const used = new Set(body.match(/\b[\w$]+\b/g));
const names = [...imported].filter((one) => used.has(one.split(' as ').at(-1))).sort();
const text = `${notice}import * as tf from '@tensorflow/tfjs-core';\nimport {\n  ${names.join(',\n  ')},\n} from '@tensorflow/tfjs-core';\n${body.trimStart()}`;
mkdirSync(join(folder, 'src', 'generated'), { recursive: true });
writeFileSync(join(folder, 'src', 'generated', 'tensorflow-additions.js'), text);
console.log(`src/generated/tensorflow-additions.js: ${(text.length / 1e3).toFixed(0)} kB`);
