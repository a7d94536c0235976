/**
 * Calls helpers as an engine does: arguments of 64 bits in registers, the result widened as the helper's row says.
 */
import { BUILTIN_HELPERS } from '../../src/helpers/index.ts'
import { linux } from '../../src/spec/index.ts'
import { hexToBytes } from '../../src/util/index.ts'
import type { Environment, HelperDefinition } from '../../src/vm/index.ts'
import { VirtualCpu } from '../../src/vm/virtual-cpu.ts'
import { VirtualMachine } from '../../src/vm/virtual-machine.ts'

const BY_NAME: ReadonlyMap<string, HelperDefinition> = new Map(
  BUILTIN_HELPERS.map((helper) => [helper.spec.name, helper]),
)

export class Harness {
  readonly machine = new VirtualMachine({ platform: linux() })
  readonly lines: string[] = []
  readonly cpu: VirtualCpu

  constructor(options: { readonly environment?: Environment } = {}) {
    this.cpu = new VirtualCpu({ machine: this.machine, print: (line) => this.lines.push(line), ...options })
  }

  /** Memory that programs may touch, with this content. */
  place(content: Uint8Array | string, writable = true): number {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
    const address = this.machine.memory.place(bytes)
    this.machine.regions.add({ start: address, end: address + bytes.length, writable, name: 'test memory' })
    return address
  }

  placeHex(hex: string): number {
    return this.place(hexToBytes(hex))
  }

  read(address: number, size: number): Uint8Array {
    return this.machine.memory.read(address, size)
  }

  /** The result as r0 holds it, signed. */
  call(name: string, ...args: readonly (number | bigint)[]): bigint {
    const { registers } = this.cpu
    registers.fill(0)
    args.forEach((arg, i) => {
      const bits = BigInt.asUintN(64, BigInt(arg))
      registers[2 * (i + 1)] = Number(BigInt.asIntN(32, bits))
      registers[2 * (i + 1) + 1] = Number(BigInt.asIntN(32, bits >> 32n))
    })
    const helper = BY_NAME.get(name)!
    const [, , r1, , r2, , r3, , r4, , r5] = registers as unknown as number[]
    const result = helper.call(this.cpu, r1!, r2!, r3!, r4!, r5!)
    if (helper.spec.returns === 'u64') {
      return BigInt.asIntN(64, (BigInt(registers[1]!) << 32n) | BigInt(registers[0]! >>> 0))
    }
    return helper.spec.returns === 'u32' ? BigInt(result >>> 0) : BigInt(result | 0)
  }
}
