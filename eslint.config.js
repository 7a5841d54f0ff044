import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** The packages, from the ground up: each may import only those before it. */
const order = [
  'core',
  'hub',
  'safetensors',
  'tensor',
  'native-kernels',
  'engine-native',
  'engine-tensorflow',
  'engine-webgpu',
  'tokenizer',
  'data',
  'nn',
  'encoders',
  'model',
  'reasoner',
  'decoder',
  'mpi',
  'trainer',
  'eval',
];

const importOrder = order.map((name, index) => ({
  files: [`packages/${name}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            // What is measured needs no optimizer: eval stands after trainer, and does without it.
            group: [...order.slice(index), ...(name === 'eval' ? ['trainer'] : [])].flatMap((other) => [
              `@subtext/${other}`,
              `@subtext/${other}/*`,
            ]),
            message: `@subtext/${name} may import only packages below it: ${order.slice(0, index).join(', ') || 'none'}${name === 'eval' ? ' (without trainer)' : ''}.`,
          },
          { group: ['@subtext/cli', '@subtext/eval-cli'], message: 'Packages do not import apps.' },
        ],
      },
    ],
  },
}));

const exportAll = { selector: 'ExportAllDeclaration[exported=null]', message: 'Name what you export.' };

/** What the sources of packages do without. */
const packageSyntax = [
  exportAll,
  {
    selector: 'ClassDeclaration[superClass.name="Error"][id.name=/Error$/]',
    message: "Errors are derived from @subtext/core's SubtextError.",
  },
  {
    selector: 'NewExpression[callee.name=/Error$/] Property[key.name="code"] > Literal[value=/[A-Z_ ]/]',
    message: 'Codes of errors are kebab-case.',
  },
  {
    selector:
      ':matches(PropertyDefinition, TSParameterProperty, MethodDefinition[kind!="constructor"])[accessibility="private"]',
    message: 'Private members are #private: they are so at run time too.',
  },
];

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      'runs/**',
      '**/assembly/**',
      '**/.turbo/**',
      'coverage/**',
      'site/pages/**',
      'site/.cache/**',
      'packages/tensor/src/engines/wasm/kernels/generated/**',
      'packages/tensor/src/generated/**',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-syntax': ['error', exportAll],
      eqeqeq: 'error',
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['**/*.test.ts', 'packages/core/src/subtext-error.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...packageSyntax,
        {
          selector: 'CallExpression[callee.name="fusedKernels"]',
          message:
            'Only operations call kernels, after they have checked shapes: kernels read and write memory by them.',
        },
      ],
    },
  },
  {
    files: ['packages/tensor/src/operations/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: { 'no-restricted-syntax': ['error', ...packageSyntax] },
  },
  {
    // A promise that nobody waits for loses its error: files, locks and workers are behind most of ours.
    files: ['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts', 'apps/*/test/**/*.ts', 'tooling/terminal/src/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: { '@typescript-eslint/no-floating-promises': 'error' },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: {
      globals: {
        console: 'readonly',
        process: 'readonly',
        URL: 'readonly',
        performance: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
      },
    },
  },
  {
    files: ['examples/**/*.mjs'],
    languageOptions: {
      globals: {
        AbortController: 'readonly',
        FormData: 'readonly',
        ImageData: 'readonly',
        URLSearchParams: 'readonly',
        document: 'readonly',
        location: 'readonly',
      },
    },
  },
  ...importOrder,
);
