/**
 * Makes the captures of the examples again, byte for byte: `npx tsx scripts/make-captures.ts`.
 *
 * - `mixed.pcap`: a network's ordinary traffic of many protocols, with some hosts that a block list would name
 *   (198.51.100.0/24 and 203.0.113.0/24), fragments, truncated and malformed packets.
 * - `flows.pcapng`: TCP connections and UDP exchanges from beginning to end, in nanoseconds.
 * - `lb.pcap`: many clients of one virtual address, 192.0.2.10: TCP port 80 and UDP port 53.
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  arp,
  ethernet,
  icmp,
  icmpv6,
  ipv4,
  ipv6,
  type Layer,
  type PacketToWrite,
  type TcpFlag,
  type TcpOption,
  tcp,
  udp,
  vlan,
  writeCapture,
} from '../src/net/index.ts'
import { SeededRandom } from '../src/util/index.ts'

/** 2026-01-01 00:00:00 UTC. */
const START_NS = 1_767_225_600_000_000_000n

const ROUTER = '02:00:00:00:00:fe'
const SERVER = '02:00:00:00:00:10'

interface TimedPacket extends PacketToWrite {
  readonly timestampNs: bigint
}

/** Collects packets of several conversations, each at its own pace, and gives them in the order of their times. */
class Recording {
  readonly random: SeededRandom
  private readonly packets: TimedPacket[] = []

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
  }

  /** `atUs` in microseconds after the start. */
  add(atUs: number, data: Uint8Array, originalLength = data.length): void {
    const timestampNs = START_NS + BigInt(Math.round(atUs * 1000))
    this.packets.push({ data, originalLength, timestampNs })
  }

  inOrder(): TimedPacket[] {
    return this.packets.sort((a, b) => Number(a.timestampNs - b.timestampNs))
  }
}

interface Endpoint {
  readonly mac: string
  readonly ip: string
  readonly port: number
}

type Wrap = (layer: Layer) => Layer

const asIs: Wrap = (layer) => layer

/** Sends one TCP or UDP packet from `from` to `to`. */
function send(recording: Recording, atUs: number, from: Endpoint, to: Endpoint, inner: Layer, wrap = asIs): void {
  const addresses = { src: from.ip, dst: to.ip }
  const network = from.ip.includes(':')
    ? ipv6(addresses, inner)
    : ipv4({ ...addresses, id: recording.random.below(65536), dontFragment: true }, inner)
  recording.add(atUs, ethernet({ src: from.mac, dst: to.mac }, wrap(network)))
}

const SYN_OPTIONS: readonly TcpOption[] = [
  { kind: 'mss', size: 1460 },
  { kind: 'sack_permitted' },
  { kind: 'nop' },
  { kind: 'window_scale', shift: 7 },
]

/** A TCP connection: handshake, a request, an answer in segments, and both ends close; or a reset in between. */
function tcpConnection(
  recording: Recording,
  startUs: number,
  client: Endpoint,
  server: Endpoint,
  { request, answerLength, reset = false, wrap = asIs }: ConnectionOptions,
): void {
  const { random } = recording
  let now = startUs
  let clientSeq = random.u32()
  let serverSeq = random.u32()
  const wait = (): number => (now += random.between(50, 2000))
  const up = (flags: TcpFlag[], data = '', options: readonly TcpOption[] = []): void => {
    const ports = { sport: client.port, dport: server.port }
    const ack = flags.includes('ack') ? serverSeq : 0
    send(recording, wait(), client, server, tcp({ ...ports, seq: clientSeq, ack, flags, options }, data), wrap)
    clientSeq = (clientSeq + data.length + (flags.includes('syn') || flags.includes('fin') ? 1 : 0)) >>> 0
  }
  const down = (flags: TcpFlag[], data = '', options: readonly TcpOption[] = []): void => {
    const ports = { sport: server.port, dport: client.port }
    send(
      recording,
      wait(),
      server,
      client,
      tcp({ ...ports, seq: serverSeq, ack: clientSeq, flags, options }, data),
      wrap,
    )
    serverSeq = (serverSeq + data.length + (flags.includes('syn') || flags.includes('fin') ? 1 : 0)) >>> 0
  }
  up(['syn'], '', SYN_OPTIONS)
  down(['syn', 'ack'], '', SYN_OPTIONS)
  up(['ack'])
  up(['psh', 'ack'], request)
  down(['ack'])
  for (let left = answerLength; left > 0; left -= 1400) {
    const length = Math.min(left, 1400)
    down(length === left ? ['psh', 'ack'] : ['ack'], 'HTTP/1.1 200 OK\r\n\r\n'.padEnd(length, '.').slice(0, length))
    up(['ack'])
  }
  if (reset) {
    up(['rst', 'ack'])
    return
  }
  up(['fin', 'ack'])
  down(['fin', 'ack'])
  up(['ack'])
}

interface ConnectionOptions {
  readonly request: string
  readonly answerLength: number
  readonly reset?: boolean
  readonly wrap?: Wrap
}

/** A DNS message (RFC 1035) with one question for an address; the answer repeats it with one record. */
function dnsMessage(id: number, name: string, answer?: readonly number[]): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...new TextEncoder().encode(label)])
  const flags = answer === undefined ? [0x01, 0x00] : [0x81, 0x80]
  const header = [id >> 8, id & 0xff, ...flags, 0, 1, 0, answer === undefined ? 0 : 1, 0, 0, 0, 0]
  const record = answer === undefined ? [] : [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4, ...answer]
  return Uint8Array.from([...header, ...labels, 0, 0, 1, 0, 1, ...record])
}

function dnsExchange(recording: Recording, startUs: number, client: Endpoint, server: Endpoint, answered = true): void {
  const { random } = recording
  const id = random.below(65536)
  const name = random.pick(['example.com', 'www.example.org', 'api.example.net', 'mail.example.com'])
  const question = udp({ sport: client.port, dport: server.port }, dnsMessage(id, name))
  send(recording, startUs, client, server, question)
  if (!answered) return
  const answer = udp({ sport: server.port, dport: client.port }, dnsMessage(id, name, [192, 0, 2, random.below(256)]))
  send(recording, startUs + random.between(300, 20000), server, client, answer)
}

function host(ip: string, port: number, mac = ROUTER): Endpoint {
  return { mac, ip, port }
}

function mixedCapture(): TimedPacket[] {
  const recording = new Recording(1)
  const { random } = recording
  const server = '192.0.2.10'
  const client = (): string => `10.0.0.${random.between(1, 40)}`
  const port = (): number => random.between(32768, 60999)
  const when = (): number => random.below(10_000_000)

  for (let i = 0; i < 12; i++) {
    const [at, ip] = [when(), client()]
    const mac = `02:00:00:00:01:${String(i).padStart(2, '0')}`
    const asked = { senderMac: mac, senderIp: ip, targetIp: server }
    recording.add(at, ethernet({ src: mac, dst: 'ff:ff:ff:ff:ff:ff' }, arp(asked)))
    const reply = { operation: 'reply', senderMac: SERVER, senderIp: server, targetMac: mac, targetIp: ip } as const
    recording.add(at + 120, ethernet({ src: SERVER, dst: mac }, arp(reply)))
  }
  for (let i = 0; i < 20; i++) {
    const [at, ip, id] = [when(), client(), random.below(65536)]
    const data = 'abcdefghijklmnopqrstuvwabcdefghi'
    const ping = icmp({ type: 8, id, seq: i }, data)
    recording.add(at, ethernet({ src: ROUTER, dst: SERVER }, ipv4({ src: ip, dst: server }, ping)))
    const pong = icmp({ type: 0, id, seq: i }, data)
    recording.add(at + 80, ethernet({ src: SERVER, dst: ROUTER }, ipv4({ src: server, dst: ip }, pong)))
  }
  for (let i = 0; i < 30; i++) {
    const tagged: Wrap = (layer) => vlan({ id: 100 + (i % 3), priority: i % 8 }, layer)
    const doubly: Wrap = (layer) => vlan({ id: 200, tpid: 0x88a8 }, vlan({ id: 30 }, layer))
    tcpConnection(recording, when(), host(client(), port()), host(server, random.pick([80, 443, 22]), SERVER), {
      request: 'GET / HTTP/1.1\r\nHost: example.com\r\n\r\n',
      answerLength: random.between(200, 4000),
      reset: i % 10 === 0,
      wrap: i % 6 === 0 ? tagged : i % 15 === 1 ? doubly : asIs,
    })
  }
  for (let i = 0; i < 60; i++)
    dnsExchange(recording, when(), host(client(), port()), host(server, 53, SERVER), i % 7 !== 0)
  for (let i = 0; i < 10; i++) {
    const [from, to] = [host(`2001:db8::${i + 1}`, port()), host('2001:db8::10', 80, SERVER)]
    tcpConnection(recording, when(), from, to, { request: 'GET /six HTTP/1.1\r\n\r\n', answerLength: 900 })
    dnsExchange(recording, when(), host(`2001:db8::${i + 1}`, port()), host('2001:db8::10', 53, SERVER))
    const solicitation = icmpv6(
      { type: 135 },
      Uint8Array.from([0x20, 0x01, 0x0d, 0xb8, ...new Array<number>(11).fill(0), 0x10]),
    )
    const asked = { src: `fe80::${i + 1}`, dst: 'ff02::1:ff00:10', hopLimit: 255 }
    recording.add(when(), ethernet({ src: ROUTER, dst: '33:33:ff:00:00:10' }, ipv6(asked, solicitation)))
  }
  const options = Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0)
  for (let i = 0; i < 6; i++) {
    const fields = {
      src: '2001:db8::77',
      dst: '2001:db8::10',
      extensions: [{ type: i % 2 === 0 ? 0 : 60, bytes: options }],
    }
    recording.add(
      when(),
      ethernet({ src: ROUTER, dst: SERVER }, ipv6(fields, udp({ sport: port(), dport: 53 }, 'extended'))),
    )
  }

  // What a firewall is for: scans and floods from hosts on its block list.
  for (let i = 0; i < 150; i++) {
    const ip = i % 3 === 0 ? `203.0.113.${1 + (i % 9)}` : `198.51.100.${1 + (i % 40)}`
    const [from, to] = [host(ip, port()), host(server, random.between(1, 1024), SERVER)]
    const ports = { sport: from.port, dport: to.port }
    const probe = i % 4 === 0 ? udp(ports, 'probe') : tcp({ ...ports, seq: random.u32(), window: 1024 })
    send(recording, when(), from, to, probe)
  }
  for (let i = 0; i < 8; i++) fragmentedDatagram(recording, when(), client(), server)
  for (let i = 0; i < 30; i++) recording.add(when(), ...oddPacket(random, i, client(), server))
  return recording.inOrder()
}

/** A datagram of 3000 bytes, in three fragments for an MTU of 1500. */
function fragmentedDatagram(recording: Recording, atUs: number, src: string, dst: string): void {
  const { random } = recording
  const payload = udp({ sport: 5000, dport: 514 }, 'log '.repeat(750))
  const whole = ipv4({ src, dst }, payload).bytes.subarray(20)
  const id = random.below(65536)
  for (let offset = 0; offset < whole.length; offset += 1480) {
    const fields = { src, dst, id, protocol: 17, fragmentOffset: offset, moreFragments: offset + 1480 < whole.length }
    const part = whole.subarray(offset, offset + 1480)
    recording.add(atUs + offset / 100, ethernet({ src: ROUTER, dst: SERVER }, ipv4(fields, part)))
  }
}

/** Truncated and malformed packets, one kind after the other; the captured bytes, and how long the packet was. */
function oddPacket(random: SeededRandom, kind: number, src: string, dst: string): [Uint8Array, number?] {
  const frame = (layer: Layer): Uint8Array => ethernet({ src: ROUTER, dst: SERVER }, layer)
  const good = frame(ipv4({ src, dst }, tcp({ dport: 80 }, 'x'.repeat(200))))
  switch (kind % 10) {
    case 0: // cut in the TCP header
      return [good.subarray(0, 40), good.length]
    case 1: // cut in the IPv4 header
      return [good.subarray(0, 24), good.length]
    case 2: // no more than Ethernet
      return [good.subarray(0, 14)]
    case 3:
      return [frame(ipv4({ src, dst, headerLength: 16 }, tcp()))]
    case 4:
      return [frame(ipv4({ src, dst, totalLength: 4000 }, udp('short')))]
    case 5:
      return [frame(ipv4({ src, dst }, tcp({ headerLength: 60 })))]
    case 6:
      return [frame(ipv4({ src, dst, checksum: 0xdead }, udp('bad checksum')))]
    case 7: // IPv6 announced, IPv4 inside
      return [ethernet({ etherType: 0x86dd }, ipv4({ src, dst }, tcp()).bytes)]
    case 8: // a protocol nobody here knows
      return [frame(ipv4({ src, dst, protocol: 199 }, random.bytes(64)))]
    default: // LLDP, as switches send it
      return [ethernet({ src: ROUTER, dst: '01:80:c2:00:00:0e', etherType: 0x88cc }, random.bytes(46))]
  }
}

function flowsCapture(): TimedPacket[] {
  const recording = new Recording(2)
  const { random } = recording
  for (let i = 0; i < 70; i++) {
    const client = host(`10.1.${random.below(4)}.${random.between(1, 254)}`, random.between(32768, 60999))
    const at = random.below(5_000_000)
    if (i % 4 === 3) {
      for (let n = random.between(1, 4); n > 0; n--) {
        dnsExchange(recording, at + 1000 * n, client, host('10.1.0.53', 53, SERVER))
      }
      continue
    }
    const server = host(`192.0.2.${random.between(10, 14)}`, random.pick([80, 443, 8080]), SERVER)
    const request = `GET /${'a'.repeat(random.below(300))} HTTP/1.1\r\n\r\n`
    tcpConnection(recording, at, client, server, {
      request,
      answerLength: random.between(100, 3000),
      reset: i % 9 === 0,
    })
  }
  return recording.inOrder()
}

function loadBalancerCapture(): TimedPacket[] {
  const recording = new Recording(3)
  const { random } = recording
  const vip = '192.0.2.10'
  // A balancer in front of its servers sees only what clients send.
  const toVip = (at: number, ip: string, layer: Layer): void =>
    recording.add(
      at,
      ethernet({ src: ROUTER, dst: SERVER }, ipv4({ src: ip, dst: vip, id: random.below(65536) }, layer)),
    )
  for (let i = 0; i < 300; i++) {
    const ip = `100.64.${random.below(256)}.${random.between(1, 254)}`
    const sport = random.between(32768, 60999)
    const at = random.below(2_000_000)
    if (i % 4 === 0) {
      toVip(at, ip, udp({ sport, dport: 53 }, dnsMessage(i, 'www.example.org')))
      continue
    }
    const [seq, ack] = [random.u32(), random.u32()]
    const ports = { sport, dport: 80 }
    toVip(at, ip, tcp({ ...ports, seq, flags: ['syn'], options: SYN_OPTIONS }))
    toVip(at + 900, ip, tcp({ ...ports, seq: (seq + 1) >>> 0, ack, flags: ['ack'] }))
    const request = 'GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n'
    toVip(at + 950, ip, tcp({ ...ports, seq: (seq + 1) >>> 0, ack, flags: ['psh', 'ack'] }, request))
    const end = (seq + 1 + request.length) >>> 0
    toVip(at + 4000, ip, tcp({ ...ports, seq: end, ack, flags: ['fin', 'ack'] }))
  }
  // What a balancer must pass on untouched: other ports, other addresses, other protocols.
  for (let i = 0; i < 40; i++) {
    const [at, src] = [random.below(2_000_000), `100.64.9.${random.between(1, 254)}`]
    if (i % 4 === 0) toVip(at, src, tcp({ dport: 22 }))
    else if (i % 4 === 1) toVip(at, src, icmp({ seq: i }, 'ping'))
    else if (i % 4 === 2) recording.add(at, ethernet(ipv4({ src, dst: '192.0.2.99' }, tcp({ dport: 80 }))))
    else recording.add(at, ethernet(ipv6({ dst: '2001:db8::10' }, tcp({ dport: 80 }))))
  }
  return recording.inOrder()
}

const CAPTURES = {
  'mixed.pcap': () => writeCapture(mixedCapture()),
  'flows.pcapng': () => writeCapture(flowsCapture(), { format: 'pcapng', nanoseconds: true, interfaceName: 'eth0' }),
  'lb.pcap': () => writeCapture(loadBalancerCapture()),
} as const

/** All captures by file name. */
export function makeCaptures(): Map<string, Uint8Array> {
  return new Map(Object.entries(CAPTURES).map(([name, make]) => [name, make()]))
}

const script = fileURLToPath(import.meta.url)
if (process.argv[1] === script) {
  const directory = join(dirname(script), '..', 'examples', 'captures')
  mkdirSync(directory, { recursive: true })
  for (const [name, bytes] of makeCaptures()) {
    writeFileSync(join(directory, name), bytes)
    console.log(`examples/captures/${name}: ${bytes.length} bytes`)
  }
}
