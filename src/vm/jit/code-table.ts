/**
 * The table of one compiled program: what its code calls without knowing when it is compiled. Each program has its own, which its
 * module defines: V8 never frees a module that imported a table which others hold.
 *
 * ```
 * place 0          for one call, right after it was set
 * place 2 n + 1    the functions whose addresses it has called
 * place 2 v        the program that a prog_array holds as v (its slot in the machine's table plus one)
 * ```
 * Compiled code takes a tail call by itself where bit v of the global `tail_calls` says that the place is set.
 * @module
 */
import type { ExecutableProgram } from '../machine.ts'

const ONE_CALL = 0
/** Bits of the global: programs in higher slots are asked for at each tail call. */
export const KNOWN_PROGRAMS = 64

type CodeFunction = WebAssembly.ExportValue

export class CodeTable {
  private readonly table: WebAssembly.Table
  private readonly known: WebAssembly.Global
  /** Places of functions, by the lower half of their code address. */
  private readonly functions = new Map<number, number>()

  /** What a module exports as `TABLE_NAME` and `TAIL_CALLS_NAME`. */
  constructor(table: WebAssembly.Table, known: WebAssembly.Global) {
    this.table = table
    this.known = known
  }

  /** Lets the next call through {@link ONE_CALL} call a function. */
  setOnce(code: CodeFunction): number {
    this.set(ONE_CALL, code)
    return ONE_CALL
  }

  /** Lets tail calls of a program go without asking: from now on until it is forgotten. */
  setProgram({ index }: ExecutableProgram, code: CodeFunction): number {
    const value = index + 1
    this.set(2 * value, code)
    if (value < KNOWN_PROGRAMS)
      this.known.value = BigInt.asIntN(64, (this.known.value as bigint) | (1n << BigInt(value)))
    return 2 * value
  }

  /** The place of the function with this code address, which `find` gives when it has none yet. */
  functionPlace(address: number, find: () => CodeFunction): number {
    const known = this.functions.get(address)
    if (known !== undefined) return known
    const place = 2 * this.functions.size + 1
    this.set(place, find())
    this.functions.set(address, place)
    return place
  }

  /** Lets go of a program that was removed: its slot and its functions. */
  forget({ index, codeIndices }: ExecutableProgram): void {
    this.clear(ONE_CALL)
    this.clear(2 * (index + 1))
    if (index + 1 < KNOWN_PROGRAMS) {
      this.known.value = BigInt.asIntN(64, (this.known.value as bigint) & ~(1n << BigInt(index + 1)))
    }
    for (const address of codeIndices.values()) {
      const place = this.functions.get(address)
      if (place !== undefined) this.clear(place)
    }
  }

  /** From now on every tail call asks. */
  forgetPrograms(): void {
    this.known.value = 0n
    for (let place = 2; place < this.table.length; place += 2) this.clear(place)
  }

  private set(place: number, code: CodeFunction): void {
    if (place >= this.table.length) this.table.grow(place + 1 - this.table.length + (this.table.length >> 1))
    this.table.set(place, code)
  }

  private clear(place: number): void {
    if (place < this.table.length) this.table.set(place, null)
  }
}
