/**
 * Building objects ahead of time, for places that forbid compiling at run time: what `anybpf build` does.
 * @module
 */
export { type Build, type BuildOptions, type BuiltFile, buildObject } from './build-object.ts'
