import { createRequire } from 'node:module';

/**
 * A plugin of esbuild for CommonJS packages that are large: they are required instead of imported. Before it runs a
 * CommonJS file that is imported, Node reads the whole of it for the names that it exports, which for TensorFlow.js takes a
 * fifth of a second at every start; here the names are written down at build time.
 *
 * @param {{ packages: string[], from: string }} options their names, and the address of the file that depends on them
 */
export function requireAtRuntime({ packages, from }) {
  const require = createRequire(from);
  return {
    name: 'require-at-runtime',
    setup(build) {
      const filter = new RegExp(`^(?:${packages.join('|')})$`);
      build.onResolve({ filter }, ({ path }) => ({ path, namespace: 'required' }));
      build.onLoad({ filter: /.*/, namespace: 'required' }, ({ path }) => {
        const names = Object.keys(require(path)).filter((name) => /^[\w$]+$/.test(name) && name !== 'default');
        return {
          contents: [
            `import { createRequire } from 'node:module';`,
            `const required = createRequire(import.meta.url)(${JSON.stringify(path)});`,
            `export const { ${names.join(', ')} } = required;`,
          ].join('\n'),
          loader: 'js',
        };
      });
    },
  };
}
