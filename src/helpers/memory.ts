/**
 * How helpers touch the memory that programs hand them. What a verified program passes is right; for others, every
 * access is tested against the regions that exist, as the checked interpreter tests the program's own.
 * @module
 */
import { type GuestAddress, PAGE_SIZE } from '../vm/linear-memory.ts'
import type { Cpu, MapStore } from '../vm/machine.ts'
import { helperFault } from './definition.ts'

function refuse(cpu: Cpu, helper: string, address: number, size: number, access: string): never {
  const region = cpu.machine.regions.find(address, 1)
  const where = region === undefined ? 'no live object' : region.name
  throw helperFault(helper, `cannot ${access} ${size} bytes at 0x${address.toString(16)} (${where})`)
}

function check(cpu: Cpu, helper: string, address: number, size: number, writes: boolean): void {
  if (size === 0) return
  const access = writes ? 'write' : 'read'
  // Not even a program that lies about itself may make the host read out of bounds or write to page zero.
  if (address < PAGE_SIZE || address + size > cpu.memory.u8.length) refuse(cpu, helper, address, size, access)
  if (cpu.checked === false) return
  const region = cpu.machine.regions.find(address, size)
  if (region === undefined || (writes && !region.writable)) refuse(cpu, helper, address, size, access)
}

/** The argument as an address from which `size` bytes can be read. Throws ERR_FAULT. */
export function readable(cpu: Cpu, helper: string, argument: number, size: number): GuestAddress {
  const address = argument >>> 0
  check(cpu, helper, address, size, false)
  return address
}

/** The argument as an address to which `size` bytes can be written. Throws ERR_FAULT. */
export function writable(cpu: Cpu, helper: string, argument: number, size: number): GuestAddress {
  const address = argument >>> 0
  check(cpu, helper, address, size, true)
  return address
}

/** True if the bytes can be read: for helpers that answer -EFAULT instead of faulting. */
export function isReadable(cpu: Cpu, address: GuestAddress, size: number): boolean {
  if (size === 0) return true
  if (address < PAGE_SIZE || address + size > cpu.memory.u8.length) return false
  return cpu.machine.regions.find(address, size) !== undefined
}

/** A view of `size` bytes that can be read; valid until memory grows. Throws ERR_FAULT. */
export function readableBytes(cpu: Cpu, helper: string, argument: number, size: number): Uint8Array {
  const address = readable(cpu, helper, argument, size)
  return cpu.memory.u8.subarray(address, address + size)
}

/** A view of `size` bytes that can be written; valid until memory grows. Throws ERR_FAULT. */
export function writableBytes(cpu: Cpu, helper: string, argument: number, size: number): Uint8Array {
  const address = writable(cpu, helper, argument, size)
  return cpu.memory.u8.subarray(address, address + size)
}

/** The map whose control block the argument points to. Throws ERR_FAULT. */
export function mapArgument(cpu: Cpu, helper: string, argument: number): MapStore {
  const map = cpu.machine.maps.get(argument >>> 0)
  if (map === undefined) throw helperFault(helper, `0x${(argument >>> 0).toString(16)} is not a map`)
  return map
}
