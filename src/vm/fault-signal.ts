/**
 * Faults on their way from the semantic line that notices them to the engine, which knows where it is.
 * @module
 */
import { CORE_POISON_HELPER } from '../spec/core-poison.ts'
import type { FaultAccess, FaultKind } from './fault.ts'
import { type GuestAddress, PAGE_SIZE } from './linear-memory.ts'
import type { Region } from './regions.ts'

/** What a semantic line throws; the engine adds where. */
export class FaultSignal {
  readonly kind: FaultKind
  readonly reason: string
  readonly access: FaultAccess | undefined
  /** The slot to blame, where it is not the instruction's own. */
  readonly slot: number | undefined

  constructor(kind: FaultKind, reason: string, access?: FaultAccess, slot?: number) {
    this.kind = kind
    this.reason = reason
    this.access = access
    this.slot = slot
  }
}

/** A call of a helper that is not here, or of the one that stands for an instruction without meaning on this kernel. */
export function missingHelper(id: number): FaultSignal {
  const reason =
    id === CORE_POISON_HELPER
      ? 'the CO-RE relocation of this instruction found nothing in the target’s types'
      : `there is no helper ${id} here`
  return new FaultSignal('unknown_helper', reason)
}

/** An access to no memory, or not to this; `upper` is the upper half of the address, `region` what lies there, if known. */
export function accessFault(
  upper: number,
  address: GuestAddress,
  size: number,
  write: boolean,
  region: Region | undefined,
): FaultSignal {
  const whole = (BigInt(upper >>> 0) << 32n) | BigInt(address)
  const access = { address: whole, size }
  const what = `${write ? 'write' : 'read'} of ${size} byte${size === 1 ? '' : 's'} at ${hex(whole)}`
  if (upper !== 0) return new FaultSignal('out_of_bounds', `${what}, which is no data address`, access)
  if (address < PAGE_SIZE) return new FaultSignal('null', `NULL pointer dereference: ${what}`, access)
  if (region === undefined) return new FaultSignal('out_of_bounds', `${what}, where nothing is`, access)
  if (region.name === 'stack') return new FaultSignal('stack', `${what}, outside of the live stack frames`, access)
  if (write && !region.writable) {
    return new FaultSignal('write_protected', `${what}: ${region.name} is read-only`, access)
  }
  return new FaultSignal('out_of_bounds', `${what}, not inside of one object of ${region.name}`, access)
}

/** The address of an atomic operation must be a multiple of its size. */
export function misaligned(address: GuestAddress, size: number): FaultSignal {
  const access = { address: BigInt(address), size }
  return new FaultSignal('misaligned_atomic', `atomic access to ${size} bytes at ${hex(BigInt(address))}`, access)
}

export function hex(value: bigint): string {
  return `0x${value.toString(16)}`
}
