/**
 * Writes the body of one WebAssembly function: opcodes with their operands, and a pool of locals.
 * @module
 */
import type { Address } from './target.ts'
import { WasmBytes } from './wasm-bytes.ts'
import type { FunctionBody, ValueType } from './wasm-module.ts'
import { OP, PREFIX_ATOMIC, PREFIX_SIMD, VOID } from './wasm-opcodes.ts'

/** Exponent of two of the alignment that an access promises; none is promised but for atomics, which demand it. */
const UNALIGNED = 0
/** Index of the first global that is an address; the one before it is the fuel. */
export const FIRST_ADDRESS = 1
const ALIGNMENT: Readonly<Record<number, number>> = { 1: 0, 2: 1, 4: 2, 8: 3 }

/** Buffers of writers that have finished, those of large functions apart. */
const spare: WasmBytes[] = []
const MOST_SPARE = 1 << 20

export class FunctionWriter {
  /** Blocks, loops and conditionals that are open. */
  depth = 0
  readonly out: WasmBytes
  private readonly types: ValueType[] = []
  private readonly free: Record<ValueType, number[]> = { i32: [], i64: [] }
  private readonly params: number

  constructor(params: number) {
    this.params = params
    // A buffer for each function costs more than the function, where there are many; two are seldom written at a time.
    this.out = spare.pop() ?? new WasmBytes(4096)
  }

  /** A local of its own, zero at entry. */
  local(type: ValueType): number {
    this.types.push(type)
    return this.params + this.types.length - 1
  }

  /** A local that somebody else has given back, if there is one: its value is whatever was left in it. */
  borrow(type: ValueType): number {
    return this.free[type].pop() ?? this.local(type)
  }

  giveBack(type: ValueType, local: number): void {
    this.free[type].push(local)
  }

  op(opcode: number): void {
    this.out.byte(opcode)
  }

  get(local: number): void {
    this.out.byte(OP.local_get)
    this.out.u32(local)
  }

  set(local: number): void {
    this.out.byte(OP.local_set)
    this.out.u32(local)
  }

  tee(local: number): void {
    this.out.byte(OP.local_tee)
    this.out.u32(local)
  }

  i32(value: number): void {
    this.out.byte(OP.i32_const)
    this.out.s32(value)
  }

  i64(low: number, high: number = low >> 31): void {
    this.out.byte(OP.i64_const)
    this.out.s64(low, high)
  }

  address(address: Address): void {
    if (typeof address === 'number') {
      this.i32(address)
      return
    }
    this.globalGet(FIRST_ADDRESS + address.global)
    if (address.offset === 0) return
    this.i32(address.offset)
    this.op(OP.i32_add)
  }

  /** A memory access; `offset` is unsigned. */
  memory(opcode: number, offset: number): void {
    this.out.byte(opcode)
    this.out.u32(UNALIGNED)
    this.out.u32(offset)
  }

  atomic(opcode: number, size: number, offset: number): void {
    this.out.byte(PREFIX_ATOMIC)
    this.out.u32(opcode)
    this.out.u32(ALIGNMENT[size]!)
    this.out.u32(offset)
  }

  vector(opcode: number): void {
    this.out.byte(PREFIX_SIMD)
    this.out.u32(opcode)
  }

  vectorMemory(opcode: number, offset: number): void {
    this.vector(opcode)
    this.out.u32(UNALIGNED)
    this.out.u32(offset)
  }

  call(index: number): void {
    this.out.byte(OP.call)
    this.out.u32(index)
  }

  /** Calls through table 0; the index is on the stack. */
  callIndirect(type: number): void {
    this.out.byte(OP.call_indirect)
    this.out.u32(type)
    this.out.u32(0)
  }

  returnCallIndirect(type: number): void {
    this.out.byte(OP.return_call_indirect)
    this.out.u32(type)
    this.out.u32(0)
  }

  globalGet(index: number): void {
    this.out.byte(OP.global_get)
    this.out.u32(index)
  }

  globalSet(index: number): void {
    this.out.byte(OP.global_set)
    this.out.u32(index)
  }

  /** A block that leaves what a type (its number) says, or nothing. */
  block(type?: number): void {
    this.depth++
    this.out.byte(OP.block)
    if (type === undefined) this.out.byte(VOID)
    else this.out.s32(type)
  }

  /** A block that leaves a value of this type. */
  valueBlock(type: number): void {
    this.depth++
    this.out.byte(OP.block)
    this.out.byte(type)
  }

  loop(): void {
    this.depth++
    this.out.byte(OP.loop)
    this.out.byte(VOID)
  }

  /** An `if` that leaves a value of a type (`I32`, `I64`), or nothing. */
  if(type: number = VOID): void {
    this.depth++
    this.out.byte(OP.if)
    this.out.byte(type)
  }

  else(): void {
    this.out.byte(OP.else)
  }

  end(): void {
    this.depth--
    this.out.byte(OP.end)
  }

  br(depth: number): void {
    this.out.byte(OP.br)
    this.out.u32(depth)
  }

  brIf(depth: number): void {
    this.out.byte(OP.br_if)
    this.out.u32(depth)
  }

  brTable(depths: readonly number[], otherwise: number): void {
    this.out.byte(OP.br_table)
    this.out.u32(depths.length)
    for (const depth of depths) this.out.u32(depth)
    this.out.u32(otherwise)
  }

  finish(): FunctionBody {
    const locals: [number, ValueType][] = []
    for (const type of this.types) {
      const last = locals[locals.length - 1]
      if (last !== undefined && last[1] === type) last[0]++
      else locals.push([1, type])
    }
    const code = this.out.view().slice()
    this.out.clear()
    if (code.length <= MOST_SPARE) spare.push(this.out)
    return { locals, code }
  }
}
