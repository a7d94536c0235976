/**
 * The version of this build. `scripts/build.mjs` puts it in, so that asking for it reads no file.
 * @module
 */
declare const ANYBPF_VERSION: string | undefined

export const VERSION = typeof ANYBPF_VERSION === 'string' ? ANYBPF_VERSION : '0.0.0-source'
