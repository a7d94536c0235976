/** Files that the page's bundle holds as bytes (esbuild's `binary` loader). */
declare module '*.o' {
  const bytes: Uint8Array
  // biome-ignore lint/style/noDefaultExport: how bundlers give the contents of a file
  export default bytes
}

declare module '*.pcap' {
  const bytes: Uint8Array
  // biome-ignore lint/style/noDefaultExport: how bundlers give the contents of a file
  export default bytes
}
