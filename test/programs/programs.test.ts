/** Program types: contexts as the kernel's test run lays them out, given fields, and what comes back. */
import { describe, expect, it } from 'vitest'
import type { SocketBuffer, XdpBuffer } from '../../src/helpers/index.ts'
import {
  BUILTIN_PROGRAM_TYPES,
  CGROUP_SKB_PROGRAM,
  RAW_PROGRAM,
  SCHED_CLS_PROGRAM,
  SOCKET_FILTER_PROGRAM,
  XDP_PROGRAM,
} from '../../src/programs/index.ts'
import { linux, SK_BUFF } from '../../src/spec/index.ts'
import { bytesToHex, hexToBytes } from '../../src/util/index.ts'
import { isPacketSource, VirtualMachine } from '../../src/vm/index.ts'

const usage = expect.objectContaining({ code: 'ERR_USAGE' })
const newMachine = (): VirtualMachine => new VirtualMachine({ platform: linux() })
const offsetOf = (name: string): number => SK_BUFF.fields.find((field) => field.name === name)!.offset

const IPV4 = hexToBytes(`000000000000 020202020202 0800 45000028000100004006 0000 0a000001 0a000002 ${'5a'.repeat(20)}`)
const IPV6 = hexToBytes(`020000000001 020202020202 86dd 60000000 0000 3b40 ${'20'.repeat(16)} ${'30'.repeat(16)}`)
const TAGGED = hexToBytes(`ffffffffffff 020202020202 8100 0123 0800 ${'00'.repeat(30)}`)
const LENGTH = hexToBytes(`01005e000001 020202020202 0020 aaaa03 ${'00'.repeat(31)}`)
const NOVELL = hexToBytes(`01005e000001 020202020202 0020 ffff03 ${'00'.repeat(31)}`)

describe('built-in program types', () => {
  it('are known to Linux or to the raw platform', () => {
    const names = BUILTIN_PROGRAM_TYPES.map((type) => type.spec.name)
    expect(names).toEqual(['raw', 'xdp', 'sched_cls', 'sched_act', 'socket_filter', 'cgroup_skb'])
    for (const type of BUILTIN_PROGRAM_TYPES) {
      if (type.spec.name !== 'raw') expect(linux().programTypes.get(type.spec.name)).toBe(type.spec)
    }
  })

  it.each(BUILTIN_PROGRAM_TYPES.map((type) => [type.spec.name, type] as const))(
    '%s leaves no region behind',
    (_, type) => {
      const machine = newMachine()
      const context = type.createContext(machine)
      const { r1 } = context.prepare(IPV4)
      expect(machine.regions.find(r1, 1)).toBeDefined()
      context.dispose()
      expect(machine.regions.find(r1, 1)).toBeUndefined()
    },
  )
})

describe('raw', () => {
  it('gives memory and its length, or NULL', () => {
    const machine = newMachine()
    const context = RAW_PROGRAM.createContext(machine)
    const { r1, r2 } = context.prepare(hexToBytes('010203'))
    expect(r2).toBe(3)
    expect(r1 % 8).toBe(0)
    expect(machine.regions.find(r1, 3)).toMatchObject({ name: 'memory', writable: true })
    expect(machine.regions.find(r1, 4)).toBeUndefined()
    machine.memory.u8[r1] = 9
    expect(context.collect(0).memory).toEqual(hexToBytes('090203'))
    expect(context.prepare(undefined)).toEqual({ r1: 0, r2: 0 })
    expect(context.collect(0).memory).toHaveLength(0)
    expect(machine.regions.find(r1, 1)).toBeUndefined()
  })
})

describe('xdp', () => {
  const setUp = () => {
    const machine = newMachine()
    const context = XDP_PROGRAM.createContext(machine)
    const words = (r1: number): number[] =>
      [0, 1, 2, 3, 4, 5].map((i) => machine.memory.view.getUint32(r1 + 4 * i, true))
    return { machine, context, words, xdp: context.context as XdpBuffer }
  }

  it('describes the packet by addresses, on interface 1', () => {
    const { machine, context, words } = setUp()
    const { r1, r2 } = context.prepare(IPV4)
    const [data, end, meta, ...rest] = words(r1)
    expect(r2).toBe(0)
    expect([end! - data!, meta]).toEqual([IPV4.length, data])
    expect(rest).toEqual([1, 0, 0])
    expect(machine.memory.read(data!, IPV4.length)).toEqual(IPV4)
    expect(machine.regions.find(data!, IPV4.length)).toMatchObject({ writable: true })
    expect(machine.regions.find(data!, IPV4.length + 1)).toBeUndefined()
    expect(machine.regions.find(data! - 1, 1)).toBeUndefined()
    expect(machine.regions.find(r1, 24)).toMatchObject({ writable: false })
  })

  it('takes bytes, what net builds, fields of xdp_md, and metadata', () => {
    const { context, words, machine } = setUp()
    expect(context.prepare({ bytes: IPV4 })).toEqual(context.prepare(IPV4))
    const input = {
      packet: { bytes: IPV4 },
      context: { ingress_ifindex: 5, rx_queue_index: 2 },
      metadata: hexToBytes('01020304'),
    }
    const [data, , meta, ...rest] = words(context.prepare(input).r1)
    expect(rest).toEqual([5, 2, 0])
    expect(data! - meta!).toBe(4)
    expect(machine.regions.find(meta!, 4)).toBeDefined()
    expect(context.collect(2)).toEqual({ verdict: 'XDP_PASS', packet: IPV4, metadata: hexToBytes('01020304') })
    expect(words(context.prepare(IPV4).r1).slice(3)).toEqual([1, 0, 0])
  })

  it('names verdicts, and gives numbers that have no name as they are', () => {
    const { context } = setUp()
    context.prepare(IPV4)
    expect([0, 1, 2, 3, 4, 5, 0xffffffff].map((r0) => context.collect(r0).verdict)).toEqual([
      'XDP_ABORTED',
      'XDP_DROP',
      'XDP_PASS',
      'XDP_TX',
      'XDP_REDIRECT',
      5,
      -1,
    ])
  })

  it('shows every run a frame of zeros around the packet', () => {
    const { context, machine, xdp } = setUp()
    context.prepare(new Uint8Array(600).fill(0xaa))
    expect(xdp.adjustHead(-200)).toBe(0)
    machine.memory.u8.fill(0xbb, xdp.at(0, 1), xdp.at(0, 1) + 300)
    context.prepare(IPV4)
    expect(xdp.adjustHead(-216)).toBe(0)
    expect(xdp.adjustTail(2000)).toBe(0)
    const { packet } = context.collect(0)
    expect(packet.subarray(0, 216).every((byte) => byte === 0)).toBe(true)
    expect(packet.subarray(216 + IPV4.length).every((byte) => byte === 0)).toBe(true)
  })

  it('has the limits of a page, also after a larger packet', () => {
    const { context, xdp } = setUp()
    const large = new Uint8Array(9000).map((_, i) => i)
    context.prepare(large)
    expect(context.collect(2).packet).toEqual(large)
    context.prepare(new Uint8Array(3520))
    expect(xdp.adjustTail(1)).toBe(-22)
    context.prepare(new Uint8Array(3519))
    expect(xdp.adjustTail(1)).toBe(0)
  })

  it('keeps results apart from later runs', () => {
    const { context } = setUp()
    context.prepare(IPV4)
    const first = context.collect(2)
    context.prepare(new Uint8Array(60).fill(1))
    expect(first.packet).toEqual(IPV4)
  })

  it.each([
    [{ packet: IPV4, context: { data: 5 } }],
    [{ packet: IPV4, context: { ifindex: 5 } }],
    [{ packet: IPV4, context: { ingress_ifindex: -1 } }],
    [{ packet: IPV4, context: { ingress_ifindex: 1.5 } }],
    [{ packet: IPV4, context: { ingress_ifindex: [1] } }],
    [{ packet: 'text' }],
    [undefined],
    [5],
  ])('refuses %j', (input) => {
    expect(() => setUp().context.prepare(input as never)).toThrow(usage)
  })

  it('refuses metadata that XDP cannot have', () => {
    const bad = expect.objectContaining({ code: 'ERR_PACKET' })
    for (const size of [3, 256]) {
      expect(() => setUp().context.prepare({ packet: IPV4, metadata: new Uint8Array(size) })).toThrow(bad)
    }
  })
})

describe('programs on socket buffers', () => {
  const setUp = (type = SCHED_CLS_PROGRAM) => {
    const machine = newMachine()
    const context = type.createContext(machine)
    const field = (r1: number, name: string): number => machine.memory.view.getUint32(r1 + offsetOf(name), true)
    return { machine, context, field }
  }

  // Measured on Linux 6.18: protocol is in network order, so 0x0008 is IPv4.
  it.each([
    ['IPv4 to the interface', IPV4, { pkt_type: 0, protocol: 0x0008, family: 2 }],
    ['IPv6 to another host', IPV6, { pkt_type: 3, protocol: 0xdd86, family: 10 }],
    ['a tagged broadcast', TAGGED, { pkt_type: 2, protocol: 0x0081, family: 0 }],
    ['an 802.2 frame', LENGTH, { pkt_type: 2, protocol: 0x0400, family: 0 }],
    ['an 802.3 frame', NOVELL, { pkt_type: 2, protocol: 0x0100, family: 0 }],
  ])('tc sees %s', (_, packet, expected) => {
    const { context, field } = setUp()
    const { r1 } = context.prepare(packet)
    expect(field(r1, 'len')).toBe(packet.length)
    expect(field(r1, 'data_end') - field(r1, 'data')).toBe(packet.length)
    expect(field(r1, 'data_meta')).toBe(field(r1, 'data'))
    expect([field(r1, 'ifindex'), field(r1, 'ingress_ifindex'), field(r1, 'hash')]).toEqual([1, 0, 0])
    expect(context.collect(0)).toMatchObject({ verdict: 'TC_ACT_OK', packet, context: expected })
  })

  it('has a socket with the addresses of the packet', () => {
    const { machine, context, field } = setUp(CGROUP_SKB_PROGRAM)
    const { r1 } = context.prepare(IPV4)
    expect([field(r1, 'local_ip4'), field(r1, 'remote_ip4')]).toEqual([0x0100000a, 0x0200000a])
    const socket = field(r1, 'sk')
    expect(machine.regions.find(socket, 80)).toMatchObject({ name: 'socket', writable: false })
    expect(machine.memory.view.getUint32(socket + 4, true)).toBe(2)
    expect(bytesToHex(machine.memory.read(socket + 24, 4))).toBe('0a000001')
    context.prepare(TAGGED)
    expect([field(r1, 'local_ip4'), field(r1, 'family')]).toEqual([0, 0])
  })

  it('takes fields of __sk_buff, and gives back what the program made of them', () => {
    const { machine, context } = setUp()
    const { r1 } = context.prepare({
      packet: IPV4,
      context: { mark: 7, cb: [1, 2], tstamp: 5n, vlan_tci: 3, ifindex: 9 },
    })
    machine.memory.view.setUint32(r1 + offsetOf('priority'), 12, true)
    machine.memory.view.setUint32(r1 + offsetOf('cb') + 16, 0xffffffff, true)
    const output = context.collect(0xffffffff)
    expect(output.verdict).toBe('TC_ACT_UNSPEC')
    const expected = { mark: 7, cb: [1, 2, 0, 0, 0xffffffff], tstamp: 5n, vlan_tci: 3, ifindex: 9, priority: 12 }
    expect(output.context).toMatchObject(expected)
    expect(output.context).not.toHaveProperty('data')
    context.prepare(IPV4)
    expect(context.collect(0).context).toMatchObject({ mark: 0, cb: [0, 0, 0, 0, 0], ifindex: 1 })
    expect(output.context).toMatchObject(expected)
  })

  it.each([
    [{ len: 5 }],
    [{ sk: 5n }],
    [{ cb: [1, 2, 3, 4, 5, 6] }],
    [{ cb: 5 }],
    [{ mark: 2 ** 32 }],
    [{ tstamp: 2n ** 64n }],
    [{ nonsense: 1 }],
    [{ mark: '5' }],
  ])('refuses a context that cannot be', (fields) => {
    expect(() => setUp().context.prepare({ packet: IPV4, context: fields as never })).toThrow(usage)
  })

  it('socket filters start at the network header, and give zeros for the link header', () => {
    const { context, field, machine } = setUp(SOCKET_FILTER_PROGRAM)
    const { r1 } = context.prepare(IPV4)
    expect(field(r1, 'len')).toBe(IPV4.length - 14)
    expect(bytesToHex(machine.memory.read(field(r1, 'data'), 4))).toBe('45000028')
    const { verdict, packet } = context.collect(40)
    expect(verdict).toBe(40)
    expect(bytesToHex(packet)).toBe('00'.repeat(14) + bytesToHex(IPV4.subarray(14)))
  })

  it('says where a packet was sent, if the verdict says that it was', () => {
    const { context } = setUp()
    context.prepare(IPV4)
    ;(context.context as SocketBuffer).redirect = { ifindex: 3, flags: 1 }
    expect(context.collect(7)).toMatchObject({ verdict: 'TC_ACT_REDIRECT', redirect: { ifindex: 3, flags: 1 } })
    expect(context.collect(0)).not.toHaveProperty('redirect')
    context.prepare(IPV4)
    expect(context.collect(7)).not.toHaveProperty('redirect')
  })

  it('reads packets for LD_ABS: from the start, from the network header, from the link header', () => {
    const { context } = setUp(SOCKET_FILTER_PROGRAM)
    context.prepare(IPV4)
    const skb = context.context
    if (!isPacketSource(skb)) throw new Error('a socket buffer is a packet source')
    expect(skb.loadPacket(0, 1)).toBe(0x45)
    expect(skb.loadPacket(12, 4)).toBe(0x0a000001)
    expect(skb.loadPacket(38, 2)).toBe(0x5a5a)
    expect(skb.loadPacket(39, 2)).toBe(-1)
    expect(skb.loadPacket(0x7fffffff, 4)).toBe(-1)
    expect(skb.loadPacket(-0x100000 + 9, 1)).toBe(6)
    expect(skb.loadPacket(-0x200000 + 12, 2)).toBe(0x0800)
    expect(skb.loadPacket(-0x200000 + 60, 1)).toBe(-1)
    for (const offset of [-1, -0x1000, -0x200001, -0x80000000]) expect(skb.loadPacket(offset, 1)).toBe(-1)
  })

  it('runs on packets that are too short to be frames', () => {
    for (const type of [SCHED_CLS_PROGRAM, SOCKET_FILTER_PROGRAM]) {
      for (const length of [0, 1, 13]) {
        const { context, field } = setUp(type)
        const { r1 } = context.prepare(new Uint8Array(length).fill(1))
        expect(field(r1, 'protocol')).toBe(0)
        expect(context.collect(0).packet.length).toBeGreaterThanOrEqual(length)
      }
    }
  })
})
