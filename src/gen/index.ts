/**
 * Source text made from objects and tables: typed skeletons, types, C headers. What `anybpf gen` does.
 * @module
 */
export { type GeneratedHeader, type GenerateHeadersOptions, generateHeaders } from './headers.ts'
export { type GeneratedSkeleton, generateSkeleton, type SkeletonOptions } from './skeleton.ts'
export { type GenerateTypesOptions, generateTypes } from './types.ts'
