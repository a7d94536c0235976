/**
 * anybpf on Node.js: files, standard streams, captures and objects by name.
 * @module
 */
export * from './capture.ts'
export * from './files.ts'
export * from './object-file.ts'
