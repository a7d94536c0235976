/**
 * A WebAssembly module put together from its parts: types, imports, functions, exports.
 * @see https://webassembly.github.io/spec/core/binary/modules.html
 * @module
 */
import { WasmBytes } from './wasm-bytes.ts'
import { I32, I64, OP } from './wasm-opcodes.ts'

export type ValueType = 'i32' | 'i64'

export interface Signature {
  readonly params: readonly ValueType[]
  readonly results: readonly ValueType[]
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  code: 10,
} as const
const SUBSECTION_MODULE_NAME = 0
const FUNC_TYPE = 0x60
const FUNCREF = 0x70
const KIND = { func: 0, table: 1, memory: 2, global: 3 } as const
/** Limits of an imported memory: with a maximum; and shared. */
const BOUNDED = 1
const SHARED = 3
const MAX_PAGES = 65536

/** Locals besides the parameters, in runs of one type, and the instructions with their last `end`. */
export interface FunctionBody {
  readonly locals: readonly (readonly [count: number, type: ValueType])[]
  readonly code: Uint8Array
}

interface DefinedFunction {
  readonly type: number
  body: FunctionBody | undefined
}

/** Imports of functions are numbered first: all of them have to be added before the first function is defined. */
export class WasmModule {
  private readonly types = new Map<string, number>()
  private readonly signatures: Signature[] = []
  private readonly imports: { module: string; name: string; write: (out: WasmBytes) => void }[] = []
  private readonly functions: DefinedFunction[] = []
  private readonly exports: { name: string; kind: number; index: number }[] = []
  /** Elements that the module's table begins with; 0: it has none. */
  private tableSize = 0
  private importedFunctions = 0
  private importedGlobals = 0
  private globals = 0

  /** The number of a signature. */
  type(signature: Signature): number {
    const key = `${signature.params.join()}:${signature.results.join()}`
    const known = this.types.get(key)
    if (known !== undefined) return known
    this.signatures.push(signature)
    this.types.set(key, this.signatures.length - 1)
    return this.signatures.length - 1
  }

  importMemory(module: string, name: string, shared: boolean): void {
    this.imports.push({
      module,
      name,
      write: (out) => {
        out.byte(KIND.memory)
        out.byte(shared ? SHARED : BOUNDED)
        out.u32(0)
        out.u32(MAX_PAGES)
      },
    })
  }

  /** The module's one table, of functions; it can grow. */
  defineTable(exportName: string, size: number): void {
    this.tableSize = size
    this.exports.push({ name: exportName, kind: KIND.table, index: 0 })
  }

  /** Index of the global. */
  importGlobal(module: string, name: string, type: ValueType, mutable: boolean): number {
    this.imports.push({
      module,
      name,
      write: (out) => {
        out.byte(KIND.global)
        out.byte(type === 'i32' ? I32 : I64)
        out.byte(mutable ? 1 : 0)
      },
    })
    return this.importedGlobals++
  }

  /** A global of 64 bits that begins as 0: its index. */
  defineGlobal(exportName: string): number {
    const index = this.importedGlobals + this.globals++
    this.exports.push({ name: exportName, kind: KIND.global, index })
    return index
  }

  /** Index of the function. */
  importFunction(module: string, name: string, signature: Signature): number {
    const type = this.type(signature)
    this.imports.push({
      module,
      name,
      write: (out) => {
        out.byte(KIND.func)
        out.u32(type)
      },
    })
    return this.importedFunctions++
  }

  /** Index of a function whose body comes later. */
  declareFunction(signature: Signature, exportName?: string): number {
    this.functions.push({ type: this.type(signature), body: undefined })
    const index = this.importedFunctions + this.functions.length - 1
    if (exportName !== undefined) this.exports.push({ name: exportName, kind: KIND.func, index })
    return index
  }

  defineFunction(index: number, body: FunctionBody): void {
    this.functions[index - this.importedFunctions]!.body = body
  }

  /** The module, and where the code of each defined function begins in it. `name` is what stack traces call it. */
  finish(name: string): { bytes: Uint8Array<ArrayBuffer>; codeStarts: number[] } {
    const out = new WasmBytes(4096)
    for (const byte of MAGIC) out.byte(byte)
    section(out, SECTION.type, this.signatures, (content, { params, results }) => {
      content.byte(FUNC_TYPE)
      for (const list of [params, results]) {
        content.u32(list.length)
        for (const type of list) content.byte(type === 'i32' ? I32 : I64)
      }
    })
    section(out, SECTION.import, this.imports, (content, { module, name, write }) => {
      content.name(module)
      content.name(name)
      write(content)
    })
    section(out, SECTION.function, this.functions, (content, { type }) => content.u32(type))
    section(out, SECTION.table, this.tableSize === 0 ? [] : [this.tableSize], (content, size) => {
      content.byte(FUNCREF)
      content.byte(0)
      content.u32(size)
    })
    section(out, SECTION.global, new Array<undefined>(this.globals).fill(undefined), (content) => {
      content.byte(I64)
      content.byte(1)
      content.byte(OP.i64_const)
      content.byte(0)
      content.byte(OP.end)
    })
    section(out, SECTION.export, this.exports, (content, { name, kind, index }) => {
      content.name(name)
      content.byte(kind)
      content.u32(index)
    })
    const starts: number[] = []
    const head = new WasmBytes()
    const sectionEnd = section(out, SECTION.code, this.functions, (content, { body }) => {
      head.clear()
      head.u32(body!.locals.length)
      for (const [count, type] of body!.locals) {
        head.u32(count)
        head.byte(type === 'i32' ? I32 : I64)
      }
      content.u32(head.length + body!.code.length)
      content.append(head.view())
      starts.push(content.length)
      content.append(body!.code)
    })
    const codeStart = out.length - sectionEnd
    writeName(out, name)
    return { bytes: out.view().slice(), codeStarts: starts.map((start) => codeStart + start) }
  }
}

/** Writes a section unless it is empty; answers the length of its content, with the count that it begins with. */
function section<T>(out: WasmBytes, id: number, items: readonly T[], write: (out: WasmBytes, item: T) => void): number {
  if (items.length === 0) return 0
  const content = new WasmBytes()
  content.u32(items.length)
  for (const item of items) write(content, item)
  out.byte(id)
  out.u32(content.length)
  out.append(content.view())
  return content.length
}

/** The custom section that names the module. */
function writeName(out: WasmBytes, name: string): void {
  const module = new WasmBytes()
  module.name(name)
  const content = new WasmBytes()
  content.name('name')
  content.byte(SUBSECTION_MODULE_NAME)
  content.u32(module.length)
  content.append(module.view())
  out.byte(SECTION.custom)
  out.u32(content.length)
  out.append(content.view())
}
