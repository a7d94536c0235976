/**
 * Format strings of `snprintf`: checked when the program is verified, because they are constants.
 * @see https://docs.kernel.org/core-api/printk-formats.html
 * @see https://docs.ebpf.io/linux/helper-function/bpf_snprintf/
 * @module
 */

/** After `%`: flags, width, then a conversion; a bare `p` and strings end a word. */
const CONVERSION =
  /[0+\- ]*(?:[1-9]\d*)?(?:p(?![^\s!-/:-@[-`{-~])|(?:p[ku]s|s)(?![^\s!-/:-@[-`{-~])|p[KxsSB]|p[iI][46]|c|l{0,2}[iduxX])/y

/** A format of the kernel's, with at most `args` arguments. `bytes` is the text without its terminator. */
export function isFormat(bytes: Uint8Array, args: number): boolean {
  let text = ''
  for (const byte of bytes) {
    if (!((byte >= 0x20 && byte <= 0x7e) || (byte >= 9 && byte <= 13))) return false
    text += String.fromCharCode(byte)
  }
  let used = 0
  for (let at = text.indexOf('%'); at >= 0; at = text.indexOf('%', at)) {
    if (text[at + 1] === '%') {
      at += 2
      continue
    }
    CONVERSION.lastIndex = at + 1
    if (used++ >= args || !CONVERSION.test(text)) return false
    at = CONVERSION.lastIndex
  }
  return true
}
