import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['build/', 'dist/', 'node_modules/', 'runs/', 'prebuilds/', 'docs/reference/api/'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['lib/**/*.ts'],
    rules: {
      '@typescript-eslint/naming-convention': [
        'error',
        // A constant of a file that is a number or a text; tables, functions and everything else are camelCase.
        {
          selector: 'variable',
          modifiers: ['const', 'global'],
          types: ['number', 'string'],
          format: ['UPPER_CASE'],
        },
        {
          selector: 'variable',
          modifiers: ['const', 'global', 'destructured'],
          types: ['number', 'string'],
          format: null,
        },
      ],
    },
  },
  {
    files: ['lib/**/*.ts'],
    ignores: ['lib/env.ts', 'lib/libtorch/env.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...[
          "MemberExpression[object.object.name='process'][object.property.name='env']",
          "VariableDeclarator[id.type='ObjectPattern'][init.object.name='process'][init.property.name='env']",
        ].map((selector) => ({
          selector,
          message:
            'Environment variables are read in lib/env.ts and lib/libtorch/env.ts; lib/env.ts lists them all.',
        })),
      ],
    },
  },
  {
    files: ['**/*.js', '**/*.cjs', '**/*.mjs'],
    languageOptions: {
      globals: {
        require: 'readonly',
        module: 'writable',
        process: 'readonly',
        console: 'readonly',
        __dirname: 'readonly',
        __filename: 'readonly',
        Buffer: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
      },
    },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    // Pieces of the one script of a page: what one declares another uses.
    files: ['lib/report/html/client/*.js'],
    languageOptions: { sourceType: 'script' },
    rules: { '@typescript-eslint/no-unused-vars': ['error', { vars: 'local' }] },
  },
);
