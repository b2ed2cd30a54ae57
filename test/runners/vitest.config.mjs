import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['vitest/*.test.mjs'], testTimeout: 120_000, maxWorkers: 2, minWorkers: 1 },
});
