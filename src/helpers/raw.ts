/**
 * The functions that the tests of ubpf and rbpf call.
 * @see https://github.com/iovisor/ubpf/blob/main/vm/test.c
 * @module
 */
import type { Cpu, HelperFunction } from '../vm/machine.ts'
import type { NamedHelper } from './definition.ts'
import { isReadable, writableBytes } from './memory.ts'

function rawHelper(name: string, call: HelperFunction): NamedHelper {
  return { name, call }
}

const u64 = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)

function squareRoot(value: bigint): bigint {
  if (value < 2n) return value
  let root = BigInt(Math.floor(Math.sqrt(Number(value))))
  while (root * root > value) root--
  while ((root + 1n) * (root + 1n) <= value) root++
  return root
}

/** The byte of a string at an address; 0, its end, where nothing can be read. */
function character(cpu: Cpu, address: number): number {
  return isReadable(cpu, address, 1) ? cpu.memory.u8[address]! : 0
}

export const RAW_HELPERS: readonly NamedHelper[] = [
  rawHelper('gather_bytes', (cpu, a, b, c, d, e) => {
    cpu.setResult(((b & 0xff) << 24) | ((c & 0xff) << 16) | ((d & 0xff) << 8) | (e & 0xff), a & 0xff)
    return 0
  }),

  rawHelper('memfrob', (cpu, r1, r2) => {
    const bytes = writableBytes(cpu, 'memfrob', r1, r2 >>> 0)
    for (let i = 0; i < bytes.length; i++) bytes[i]! ^= 42
    cpu.setResult(r1, 0)
    return 0
  }),

  rawHelper('sqrti', (cpu, r1) => {
    const root = squareRoot(u64(r1, cpu.argHigh(1)))
    cpu.setResult(Number(root), 0)
    return 0
  }),

  rawHelper('strcmp_ext', (cpu, r1, r2) => {
    let a = r1 >>> 0
    let b = r2 >>> 0
    while (character(cpu, a) !== 0 && character(cpu, a) === character(cpu, b)) {
      a++
      b++
    }
    const difference = character(cpu, a) - character(cpu, b)
    cpu.setResult(difference, difference < 0 ? -1 : 0)
    return 0
  }),

  rawHelper('unwind', (cpu, r1) => {
    cpu.setResult(r1, cpu.argHigh(1))
    return 0
  }),
]
