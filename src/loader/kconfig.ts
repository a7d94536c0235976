/**
 * Reads a kernel configuration (`/boot/config-VERSION`, `.config`), whose values `.kconfig` externs have.
 * @see https://docs.kernel.org/kbuild/kconfig.html
 * @module
 */

/**
 * The values by name, as `LoadOptions.kconfig` takes them: `y`, `n`, `m`, numbers as text, texts without their quotation
 * marks. Lines that assign nothing are left out, `# CONFIG_X is not set` among them.
 */
export function parseKconfig(text: string): Record<string, string> {
  const values: Record<string, string> = Object.create(null)
  for (const line of text.split('\n')) {
    const [, name, value] = /^(CONFIG_\w+)=(.*?)\r?$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) values[name] = kconfigText(value)
  }
  return values
}

/** A value as a configuration writes it: quotation marks go, and so does the backslash before a character inside them. */
export function kconfigText(value: string): string {
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(value)
  return quoted === null ? value : quoted[1]!.replace(/\\(.)/g, '$1')
}
