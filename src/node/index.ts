/**
 * anybpf on Node.js: files and standard streams.
 * @module
 */
export * from './files.ts'
