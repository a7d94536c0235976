/**
 * A custom section, to be appended to a WebAssembly module.
 * @see https://webassembly.github.io/spec/core/binary/modules.html#custom-section
 * @module
 */
import { WasmBytes } from '../vm/jit/wasm-bytes.ts'

const CUSTOM = 0

export function customSection(name: string, content: Uint8Array): Uint8Array {
  const body = new WasmBytes()
  body.name(name)
  body.append(content)
  const out = new WasmBytes()
  out.byte(CUSTOM)
  out.u32(body.length)
  out.append(body.view())
  return out.view().slice()
}
