/**
 * Seeded packets of many protocols and lengths, for comparing engines with each other and with the kernel: 14 to 1514
 * bytes (what the kernel's test run takes), well-formed, truncated, spoilt and random.
 * @module
 */
import { arp, ethernet, icmp, icmpv6, ipv4, ipv6, type Layer, TCP_FLAGS, tcp, udp, vlan } from '../../src/net/index.ts'
import { SeededRandom } from '../../src/util/index.ts'

const MIN_LENGTH = 14
const MAX_LENGTH = 1514
const PORTS = [22, 53, 67, 80, 123, 443, 1024, 8080, 9000, 51820, 65535]
const IPV4_HOSTS = ['10.0.0.1', '10.0.0.2', '192.0.2.10', '198.51.100.7', '203.0.113.5', '127.0.0.1', '224.0.0.251']
const IPV6_HOSTS = ['2001:db8::1', '2001:db8::2', 'fe80::1', 'ff02::1', '::1']

/** The same packets for the same seed, everywhere. */
export function generatePackets(seed: number, count: number): Uint8Array[] {
  const random = new SeededRandom(seed)
  return Array.from({ length: count }, () => withinLimits(random, randomPacket(random)))
}

function withinLimits(random: SeededRandom, packet: Uint8Array): Uint8Array {
  const cut = packet.subarray(0, MAX_LENGTH)
  if (cut.length >= MIN_LENGTH) return cut.slice()
  const padded = random.bytes(MIN_LENGTH)
  padded.set(cut)
  return padded
}

function randomPacket(random: SeededRandom): Uint8Array {
  const roll = random.below(100)
  if (roll < 5) return random.bytes(random.between(MIN_LENGTH, MAX_LENGTH))
  const packet = frame(random)
  if (roll < 17) return packet.subarray(0, random.between(MIN_LENGTH, packet.length))
  if (roll < 29) {
    for (let flips = random.between(1, 4); flips > 0; flips--) {
      // Mostly in the headers, where it matters.
      packet[random.below(Math.min(packet.length, 60))] = random.u32() & 0xff
    }
  }
  return packet
}

function frame(random: SeededRandom): Uint8Array {
  const layer = network(random)
  const addresses = { src: random.bytes(6), dst: random.bytes(6) }
  const tags = random.below(10)
  if (tags === 0) return ethernet(addresses, vlan({ id: random.below(4096), priority: random.below(8) }, layer))
  if (tags === 1) {
    return ethernet(addresses, vlan({ tpid: 0x88a8, id: random.below(4096) }, vlan({ id: random.below(4096) }, layer)))
  }
  if (tags === 2 && random.below(3) === 0) {
    return ethernet({ ...addresses, etherType: random.between(0x0600, 0xffff) }, payload(random))
  }
  return ethernet(addresses, layer)
}

function network(random: SeededRandom): Layer {
  const kind = random.below(12)
  if (kind === 0) {
    const [senderIp, targetIp] = [random.pick(IPV4_HOSTS), random.pick(IPV4_HOSTS)]
    return arp({ operation: random.pick(['request', 'reply'] as const), senderIp, targetIp })
  }
  const common = { dscp: random.below(64), ecn: random.below(4) }
  if (kind < 8) {
    const options = random.below(8) === 0 ? [{ type: 7, data: random.bytes(random.between(1, 38)) }] : []
    const hosts = {
      src: random.below(2) === 0 ? random.pick(IPV4_HOSTS) : random.bytes(4),
      dst: random.pick(IPV4_HOSTS),
    }
    const fields = { ...common, ...hosts, options, id: random.below(65536), ttl: random.between(0, 255) }
    const roll = random.below(20)
    if (roll === 0)
      return ipv4({ ...fields, fragmentOffset: 8 * random.between(1, 180), protocol: 17 }, payload(random))
    if (roll === 1) return ipv4({ ...fields, moreFragments: true }, transport(random, 4))
    if (roll === 2) return ipv4({ ...fields, protocol: random.below(256) }, payload(random))
    if (roll === 3) return ipv4(fields, ipv4({ src: random.pick(IPV4_HOSTS) }, transport(random, 4)))
    return ipv4({ ...fields, dontFragment: random.below(2) === 0 }, transport(random, 4))
  }
  const extensions = random.below(5) === 0 ? [extension(random)] : []
  return ipv6(
    {
      ...common,
      src: random.pick(IPV6_HOSTS),
      dst: random.pick(IPV6_HOSTS),
      hopLimit: random.between(0, 255),
      flowLabel: random.below(1 << 20),
      extensions,
    },
    transport(random, 6),
  )
}

function extension(random: SeededRandom): { type: number; bytes: Uint8Array } {
  const type = random.pick([0, 43, 44, 60])
  const bytes = new Uint8Array(type === 44 ? 8 : 8 * random.between(1, 3))
  if (type !== 44) bytes[1] = bytes.length / 8 - 1
  // A padding option over the whole body; an atomic fragment; a routing header with nothing left.
  if (type === 0 || type === 60) bytes.set([1, bytes.length - 4], 2)
  if (type === 44) bytes.set(random.bytes(4), 4)
  return { type, bytes }
}

function transport(random: SeededRandom, version: 4 | 6): Layer {
  const ports = { sport: random.between(1024, 65535), dport: random.pick(PORTS) }
  const kind = random.below(10)
  if (kind < 5) {
    return tcp(
      {
        ...ports,
        seq: random.u32(),
        ack: random.u32(),
        flags: TCP_FLAGS.filter(() => random.below(4) === 0),
        window: random.below(65536),
        options:
          random.below(3) === 0
            ? [{ kind: 'mss', size: 1460 }, { kind: 'nop' }, { kind: 'window_scale', shift: random.below(15) }]
            : [],
      },
      payload(random),
    )
  }
  if (kind < 8) return udp(random.below(8) === 0 ? { ...ports, checksum: 0 } : ports, payload(random))
  const echo = { code: 0, id: random.below(65536), seq: random.below(65536) }
  return version === 4
    ? icmp({ ...echo, type: random.pick([0, 3, 8, 11]) }, payload(random))
    : icmpv6({ ...echo, type: random.pick([1, 128, 129, 135]) }, payload(random))
}

function payload(random: SeededRandom): Uint8Array {
  const roll = random.below(10)
  if (roll < 3) return new Uint8Array(0)
  return random.bytes(roll < 8 ? random.between(1, 128) : random.between(129, 1500))
}
