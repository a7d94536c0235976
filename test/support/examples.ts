/**
 * The example programs and captures of `examples/`, and what their tests share.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CapturedPacket, dissect, type Ipv4Layer, type PacketLayer, parseCapture } from '../../src/net/index.ts'
import { type ObjectSpec, parseObject } from '../../src/object/index.ts'

export const EXAMPLES = join(import.meta.dirname, '..', '..', 'examples')

/** Sources of all examples, relative to `examples/`, without `.bpf.c`. */
export const EXAMPLE_NAMES: readonly string[] = readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.bpf.c'))
  .map((file) => file.slice(0, -'.bpf.c'.length))
  .sort()

/** Bytes of a file under `examples/`. */
export function readExample(file: string): Uint8Array {
  return new Uint8Array(readFileSync(join(EXAMPLES, file)))
}

export function parseExample(file: string): ObjectSpec {
  return parseObject(readExample(file))
}

export function readPackets(capture: string): readonly CapturedPacket[] {
  return parseCapture(readExample(`captures/${capture}`)).packets
}

/** Address as a number in host byte order. */
export function addressNumber(address: string): number {
  return address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0)
}

/** An IPv4 packet as the examples' `take_ethernet` and `take_ipv4` find it. */
export type Located =
  | { readonly kind: 'malformed' }
  | { readonly kind: 'other' }
  | { readonly kind: 'ipv4'; readonly ip: Ipv4Layer; readonly layers: readonly PacketLayer[] }

const TAGS: readonly number[] = [0x8100, 0x88a8]

/** States again, over a dissection, what the examples look for: Ethernet, at most two tags, an IPv4 header that is there. */
export function locateIpv4(packet: Uint8Array): Located {
  const { layers } = dissect(packet)
  const [ethernet] = layers
  if (ethernet?.kind !== 'ethernet') return { kind: 'malformed' }
  let type = ethernet.etherType
  let tags = 0
  while (tags < 2 && TAGS.includes(type)) {
    const tag = layers[1 + tags]
    if (tag?.kind !== 'vlan') return { kind: 'malformed' }
    type = tag.etherType
    tags++
  }
  if (type === 0) return { kind: 'malformed' }
  if (type !== 0x0800) return { kind: 'other' }
  const ip = layers[1 + tags]
  return ip?.kind === 'ipv4' ? { kind: 'ipv4', ip, layers: layers.slice(1 + tags) } : { kind: 'malformed' }
}
