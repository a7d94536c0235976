import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = fileURLToPath(new URL('./src/', import.meta.url))

export default defineConfig({
  resolve: {
    // Tests from a user's side import the package by name.
    alias: [
      { find: /^anybpf$/, replacement: `${source}index.ts` },
      { find: /^anybpf\/([a-z]+)$/, replacement: `${source}$1/index.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // By default one core is left idle, of two.
    maxWorkers: '100%',
  },
})
