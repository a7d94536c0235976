/** Builds into `outdir`: `cli.js`, `conformance-plugin.js`, and their chunks. */
export function buildExecutables(outdir: string): Promise<void>
