import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist/**', '.local/**', '.cache/**', 'node_modules/**', '**/*.mjs', '**/*.cjs'] },
  ...tseslint.configs.recommended,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false, attributes: false } },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'off',
      'no-console': 'error',
    },
  },
  { files: ['local/**', 'bench/**'], rules: { 'no-console': 'off' } },
  {
    // V8 puts a function that is assigned to a property into the old generation at once, and with it, until the whole
    // heap is collected, everything that it can see: once per request that is a pause of 40 ms every few seconds.
    files: ['apps/**', 'libs/**'],
    ignores: ['**/*spec.ts', '**/*.testing.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'AssignmentExpression[left.type="MemberExpression"][right.type=/^(ArrowFunction|Function)Expression$/]',
          message: 'Name the function first, or pass it: assigned to a property it keeps what it sees alive for long.',
        },
      ],
    },
  },
)
