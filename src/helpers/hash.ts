/**
 * Helpers for the flow hash of packets.
 * @see https://docs.ebpf.io/linux/helper-function/bpf_get_hash_recalc/
 * @module
 */
import { linuxHelper, type NamedHelper } from './definition.ts'
import { socketBuffer } from './skb.ts'
import { SKB, type SocketBuffer } from './socket-buffer.ts'

const ETH_P_IP = 0x0800
const ETH_P_IPV6 = 0x86dd
const PROTOCOLS_WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 33, 132, 136])
const FNV_PRIME = 0x01000193
const FNV_BASIS = 0x811c9dc5
const FRAGMENT_OFFSET = 0x1fff

/**
 * A hash of addresses, protocol and ports, never 0. The kernel's depends on a secret of each boot, so no value of it can be
 * relied on; this one is FNV-1a with a final mix, the same on every run.
 */
function flowHash(skb: SocketBuffer, u8: Uint8Array): number {
  let hash = FNV_BASIS
  const mix = (start: number, end: number): void => {
    for (let i = start; i < Math.min(end, skb.end); i++) hash = Math.imul(hash ^ u8[i]!, FNV_PRIME)
  }
  const network = skb.networkHeader
  if (skb.protocol === ETH_P_IP && skb.end - network >= 20) {
    mix(network + 12, network + 20)
    mix(network + 9, network + 10)
    const fragment = (((u8[network + 6]! << 8) | u8[network + 7]!) & FRAGMENT_OFFSET) !== 0
    const transport = network + (u8[network]! & 0x0f) * 4
    if (!fragment && PROTOCOLS_WITH_PORTS.has(u8[network + 9]!)) mix(transport, transport + 4)
  } else if (skb.protocol === ETH_P_IPV6 && skb.end - network >= 40) {
    mix(network + 8, network + 40)
    mix(network + 6, network + 7)
    if (PROTOCOLS_WITH_PORTS.has(u8[network + 6]!)) mix(network + 40, network + 44)
  } else mix(skb.linkHeader, skb.linkHeader + 14)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b3c6d)
  hash ^= hash >>> 13
  return hash >>> 0 || 1
}

export const HASH_HELPERS: readonly NamedHelper[] = [
  linuxHelper('get_hash_recalc', (cpu) => {
    const skb = socketBuffer(cpu, 'get_hash_recalc')
    if (skb.getField(SKB.hash) === 0) skb.setField(SKB.hash, flowHash(skb, cpu.memory.u8))
    return skb.getField(SKB.hash)
  }),

  linuxHelper('set_hash', (cpu, _context, hash) => {
    socketBuffer(cpu, 'set_hash').setField(SKB.hash, hash)
    return 0
  }),

  linuxHelper('set_hash_invalid', (cpu) => {
    socketBuffer(cpu, 'set_hash_invalid').setField(SKB.hash, 0)
    return 0
  }),
]
