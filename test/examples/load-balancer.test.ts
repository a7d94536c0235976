/**
 * The XDP load balancer on its capture: what it rewrites is judged by dissecting the packets that come out.
 */
import { describe, expect, it } from 'vitest'
import { Runtime } from '../../src/loader/index.ts'
import {
  dissect,
  ethernet,
  type Ipv4Layer,
  ipv4,
  type PacketLayer,
  type TcpLayer,
  tcp,
  type UdpLayer,
  udp,
} from '../../src/net/index.ts'
import { locateIpv4, parseExample, readExample, readPackets } from '../support/examples.ts'
import { ENGINES } from '../vm/support.ts'

/** What the command in `examples/README.md` loads. */
const readEntries = <Key, Value>(name: string): [Key, Value][] =>
  JSON.parse(new TextDecoder().decode(readExample(`xdp-load-balancer/${name}.json`)))
/** `port` is hexadecimal text, in network byte order. */
const SERVICES = readEntries<{ address: string; port: string; protocol: number }, number>('services')
const BACKENDS = readEntries<number, { address: string; mac: string }>('backends').map(([index, backend]) => ({
  index,
  ...backend,
}))

function swap(port: number): number {
  return ((port & 0xff) << 8) | (port >> 8)
}

describe.each(ENGINES)('on the %s:', (engine) => {
  function load() {
    const runtime = new Runtime()
    const { maps, programs } = runtime.load(parseExample('xdp-load-balancer/load_balancer.el.o'), { engine })
    for (const [key, count] of SERVICES) maps['services']!.set(key, count)
    for (const { index, address, mac } of BACKENDS) maps['backends']!.set(index, { address, mac })
    return { runtime, program: programs['balance']!, maps }
  }

  interface Connection {
    readonly ip: Ipv4Layer
    readonly transport: TcpLayer | UdpLayer
    readonly client: string
  }

  /** The connection of a packet that is for one of the services. */
  function serviceOf(packet: Uint8Array): Connection | undefined {
    const located = locateIpv4(packet)
    if (located.kind !== 'ipv4') return undefined
    const transport = located.layers.find((layer): layer is TcpLayer | UdpLayer => /^(?:tcp|udp)$/.test(layer.kind))
    const { ip } = located
    const isService = SERVICES.some(
      ([{ address, port, protocol }]) =>
        ip.dst === address &&
        transport !== undefined &&
        swap(Number(port)) === transport.dport &&
        protocol === ip.protocol,
    )
    return isService
      ? { ip, transport: transport!, client: `${transport!.kind} ${ip.src}:${transport!.sport}` }
      : undefined
  }

  /** Layers of a packet, without what the balancer may change. */
  function unchangedPart(layers: readonly PacketLayer[]): unknown {
    return layers.map((layer) => {
      if (layer.kind === 'ethernet') return { ...layer, src: '', dst: '' }
      if (layer.kind === 'ipv4') return { ...layer, dst: '', checksum: 0 }
      if (layer.kind === 'tcp' || layer.kind === 'udp') return { ...layer, checksum: 0 }
      return layer
    })
  }

  describe('the load balancer on lb.pcap', () => {
    const packets = readPackets('lb.pcap').map(({ data }) => data)
    const { program, maps } = load()
    const runs = packets.map((packet) => ({ packet, run: program.run(packet), service: serviceOf(packet) }))
    const sent = runs.flatMap(({ packet, run, service }) =>
      service === undefined ? [] : [{ packet, run, service, out: dissect(run.packet) }],
    )
    const backendOf = (address: string) => BACKENDS.find((backend) => backend.address === address)

    it('transmits what is for a service, and passes on the rest as it is', () => {
      expect(sent.length).toBeGreaterThan(900)
      for (const { packet, run, service } of runs) {
        expect(run.verdict).toBe(service === undefined ? 'XDP_PASS' : 'XDP_TX')
        if (service === undefined) expect(Buffer.compare(run.packet, packet)).toBe(0)
      }
      expect(runs.length - sent.length).toBe(40)
    })

    it('sends to a backend: its address, its MAC address, from the address the packet came to', () => {
      for (const { packet, out } of sent) {
        const [before] = dissect(packet).layers
        const [link, ip] = out.layers
        if (before?.kind !== 'ethernet' || link?.kind !== 'ethernet' || ip?.kind !== 'ipv4') throw new Error('no IPv4')
        const backend = backendOf(ip.dst)
        expect(backend, ip.dst).toBeDefined()
        expect(link).toMatchObject({ dst: backend!.mac, src: before.dst })
      }
    })

    it('leaves correct checksums of IPv4 and of TCP or UDP', () => {
      for (const { packet, out } of sent) {
        for (const layers of [dissect(packet).layers, out.layers]) {
          expect(layers[1]).toMatchObject({ kind: 'ipv4', checksumOk: true })
          expect(layers[2]).toMatchObject({ checksumOk: true })
        }
        expect(out.problems).toEqual([])
      }
    })

    it('changes nothing but addresses and checksums', () => {
      for (const { packet, run, out } of sent) {
        expect(run.packet.length).toBe(packet.length)
        expect(unchangedPart(out.layers)).toEqual(unchangedPart(dissect(packet).layers))
      }
    })

    it('keeps a connection with its backend, spreads connections over all of them, and counts both', () => {
      const connections = new Map<string, string>()
      const expected = BACKENDS.map(() => ({ packets: 0n, new_connections: 0n }))
      for (const { service, out } of sent) {
        const ip = out.layers[1] as Ipv4Layer
        const known = connections.get(service.client)
        expect(ip.dst).toBe(known ?? ip.dst)
        const statistic = expected[backendOf(ip.dst)!.index]!
        statistic.packets++
        if (known === undefined) statistic.new_connections++
        connections.set(service.client, ip.dst)
      }
      expect(connections.size).toBeGreaterThan(250)
      expect(maps['connections']!.size).toBe(connections.size)
      const counted = BACKENDS.map(({ index }) => maps['statistics']!.get(index))
      expect(counted).toEqual(expected.map((one) => [one]))
      for (const { packets: count, new_connections } of expected) {
        expect(count).toBeGreaterThan(0n)
        expect(Number(new_connections)).toBeGreaterThan(connections.size / BACKENDS.length / 2)
      }
    })

    it('remembers each connection under the name that its packets have', () => {
      for (const { service, out } of sent) {
        const { ip, transport } = service
        const key = new Uint8Array(16)
        const view = new DataView(key.buffer)
        key.set(ip.src.split('.').map(Number), 0)
        key.set(ip.dst.split('.').map(Number), 4)
        view.setUint16(8, transport.sport)
        view.setUint16(10, transport.dport)
        view.setUint32(12, ip.protocol, true)
        expect(maps['connections']!.get(key)).toBe(backendOf((out.layers[1] as Ipv4Layer).dst)!.index)
      }
    })
  })

  describe('the load balancer', () => {
    const to = (layer: Parameters<typeof ipv4>[1], fields = {}) =>
      ethernet(ipv4({ src: '100.64.0.1', dst: '192.0.2.10', ...fields }, layer))

    it('gives no checksum to a datagram that has none', () => {
      const { runtime, program } = load()
      const run = program.run(to(udp({ sport: 4000, dport: 53, checksum: 0 }, 'x')))
      expect(run.verdict).toBe('XDP_TX')
      expect(dissect(run.packet).layers[2]).toMatchObject({ kind: 'udp', checksum: 0 })
      runtime.dispose()
    })

    it('never writes the UDP checksum 0, which would mean none', () => {
      const { runtime, program, maps } = load()
      maps['backends']!.set(0, { address: '192.0.2.11', mac: '02:00:00:00:00:01' })
      for (const [key] of SERVICES) maps['services']!.set(key, 1)
      let rewritten = 0
      // The payload's word runs through the sums around the one that would be rewritten to zero.
      for (let word = 0; word < 65536; word += 257) {
        const built = dissect(to(udp({ sport: 4000, dport: 53 }, Uint8Array.of(word >> 8, word & 255))))
          .layers[2] as UdpLayer
        // The address grows by 1, so this word makes the sum of the rewritten datagram 0xffff.
        const wanted = (word + built.checksum - 1 + 65535) % 65535
        const run = program.run(to(udp({ sport: 4000, dport: 53 }, Uint8Array.of(wanted >> 8, wanted & 255))))
        expect(dissect(run.packet).layers[2]).toMatchObject({ checksum: 0xffff, checksumOk: true })
        rewritten++
      }
      expect(rewritten).toBe(256)
      runtime.dispose()
    })

    it('passes on later fragments, and drops a TCP packet that ends before its checksum', () => {
      const { runtime, program } = load()
      const whole = to(tcp({ sport: 4000, dport: 80 }))
      expect(program.run(whole).verdict).toBe('XDP_TX')
      expect(program.run(to(tcp({ sport: 4000, dport: 80 }), { fragmentOffset: 8 })).verdict).toBe('XDP_PASS')
      for (let length = 0; length < whole.length; length++) {
        const verdict = length < 38 ? 'XDP_PASS' : length < 52 ? 'XDP_DROP' : 'XDP_TX'
        expect(program.run(whole.subarray(0, length)).verdict, `${length} bytes`).toBe(verdict)
      }
      runtime.dispose()
    })

    it('aborts where a service counts more backends than there are places for', () => {
      const { runtime, program, maps } = load()
      for (const [key] of SERVICES) maps['services']!.set(key, 1 << 30)
      const verdicts = new Set<string | number>()
      for (let sport = 1000; sport < 1020; sport++) verdicts.add(program.run(to(tcp({ sport, dport: 80 }))).verdict)
      expect([...verdicts]).toEqual(['XDP_ABORTED'])
      runtime.dispose()
    })
  })
})
