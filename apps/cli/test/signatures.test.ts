import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const packages = fileURLToPath(new URL('../../../packages/', import.meta.url));

/** Reads like a property: `ownValue(record, name)`. */
const exceptions = ['ownValue'];

const parse = (file: string) => ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);

/** The functions and constructors that a face exports, with their parameters. */
function* exported(face: string): Generator<{ name: string; parameters: readonly ts.ParameterDeclaration[] }> {
  for (const statement of parse(face).statements) {
    if (!ts.isExportDeclaration(statement) || statement.isTypeOnly) continue;
    if (!statement.moduleSpecifier || !statement.exportClause || !ts.isNamedExports(statement.exportClause)) continue;
    const file = join(dirname(face), `${(statement.moduleSpecifier as ts.StringLiteral).text}.ts`);
    const names = new Set(
      statement.exportClause.elements.map((element) => (element.propertyName ?? element.name).getText()),
    );
    for (const declaration of existsSync(file) ? parse(file).statements : []) {
      if (ts.isFunctionDeclaration(declaration) && names.has(declaration.name!.text))
        yield { name: declaration.name!.text, parameters: declaration.parameters };
      if (ts.isClassDeclaration(declaration) && names.has(declaration.name!.text)) {
        const constructor = declaration.members.find(ts.isConstructorDeclaration);
        if (constructor && !(ts.getCombinedModifierFlags(constructor) & ts.ModifierFlags.Private))
          yield { name: declaration.name!.text, parameters: constructor.parameters };
      }
    }
  }
}

it('exported functions and constructors take one options object, or one value', () => {
  const all = readdirSync(packages).flatMap((name) =>
    ['index.ts', 'node.ts', 'runs.ts'].flatMap((file) => {
      const face = join(packages, name, 'src', file);
      return existsSync(face) ? [...exported(face)].map((entry) => ({ ...entry, face: `${name}/${file}` })) : [];
    }),
  );
  expect(all.length).toBeGreaterThan(200);
  const several = all.filter(({ name, parameters }) => parameters.length > 1 && !exceptions.includes(name));
  expect(several.map(({ name, face }) => `${name} of ${face}`)).toEqual([]);
  // What loads takes { folder } or { path }, never a bare text.
  const loaders = all.filter(
    ({ name }) =>
      /^(load|open|resolve)[A-Z]/.test(name) &&
      !/^(openFiles|openModel|openSafetensorsFrom|openRegularFile)$/.test(name),
  );
  const bare = loaders.filter(({ parameters: [first] }) => first?.type?.kind === ts.SyntaxKind.StringKeyword);
  expect(bare.map(({ name, face }) => `${name} of ${face}`)).toEqual([]);
});
