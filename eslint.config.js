import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** The packages, from the ground up: each may import only those before it. */
const order = ['core', 'safetensors', 'tensor', 'tokenizer', 'data', 'encoders', 'model', 'trainer', 'decoder', 'eval'];

const importOrder = order.map((name, index) => ({
  files: [`packages/${name}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: order.slice(index).flatMap((other) => [`@subtext/${other}`, `@subtext/${other}/*`]),
            message: `@subtext/${name} may import only packages below it: ${order.slice(0, index).join(', ') || 'none'}.`,
          },
          { group: ['@subtext/cli', '@subtext/eval-cli'], message: 'Packages do not import apps.' },
        ],
      },
    ],
  },
}));

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      'runs/**',
      '**/assembly/**',
      '**/.turbo/**',
      'coverage/**',
      'packages/tensor/src/wasm/generated/**',
      'packages/tensor/src/generated/**',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration[exported=null]', message: 'Name what you export.' },
      ],
      eqeqeq: 'error',
    },
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
  ...importOrder,
);
