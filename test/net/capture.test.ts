/** Captures read back as written, in any chunks, both formats and byte orders; fixtures made by hand say what that is. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Capture,
  type CapturedPacket,
  type CaptureInterface,
  CaptureParser,
  createPcapWriter,
  type PcapWriterOptions,
  parseCapture,
  readCapture,
  writeCapture,
} from '../../src/net/index.ts'
import { bytesToHex, concatBytes, hexToBytes } from '../../src/util/index.ts'
import { runs, SEED } from '../support/runs.ts'

const failure = (message: string | RegExp) =>
  expect.objectContaining({ code: 'ERR_CAPTURE', message: expect.stringMatching(message) })

const packetToWrite = fc
  .record({
    data: fc.uint8Array({ maxLength: 80 }),
    cut: fc.nat(2000),
    timestampNs: fc.bigInt({ min: 0n, max: 4294967295999999999n }),
  })
  .map(({ data, cut, timestampNs }) => ({ data, originalLength: data.length + cut, timestampNs }))

const writerOptions: fc.Arbitrary<PcapWriterOptions> = fc.record({
  format: fc.constantFrom('pcap' as const, 'pcapng' as const),
  nanoseconds: fc.boolean(),
  linkType: fc.nat(65535),
  snapLength: fc.nat(0xffffffff),
  byteOrder: fc.constantFrom('little' as const, 'big' as const),
})

const plain = ({ data, originalLength, timestampNs, linkType }: CapturedPacket) => ({
  data: [...data],
  originalLength,
  timestampNs,
  linkType,
})

/** Cuts `bytes` at places drawn from `sizes`, over and over. */
function* chunked(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!
    yield bytes.slice(at, at + size)
    at += size
  }
}

interface Outcome {
  readonly packets: CapturedPacket[]
  readonly error: string | undefined
}

function readInChunks(bytes: Uint8Array, sizes: readonly number[]): Outcome {
  const parser = new CaptureParser()
  const packets: CapturedPacket[] = []
  try {
    for (const chunk of chunked(bytes, sizes)) parser.push(chunk, packets)
    parser.end()
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_CAPTURE' })
    return { packets, error: (error as Error).message }
  }
  return { packets, error: undefined }
}

describe('writing and reading', () => {
  it('gives the same packets, to the precision of the format', () => {
    fc.assert(
      fc.property(fc.array(packetToWrite, { maxLength: 12 }), writerOptions, (packets, options) => {
        const capture = parseCapture(writeCapture(packets, options))
        expect(capture.format).toBe(options.format)
        expect(capture.truncated).toBe(false)
        const unit = options.nanoseconds ? 1n : 1000n
        expect(capture.packets.map(plain)).toEqual(
          packets.map(({ data, originalLength, timestampNs }) => ({
            data: [...data],
            originalLength,
            timestampNs: (timestampNs / unit) * unit,
            linkType: options.linkType,
          })),
        )
        for (const each of capture.interfaces) {
          expect(each).toMatchObject({ index: 0, linkType: options.linkType, snapLength: options.snapLength })
        }
      }),
      { seed: SEED, numRuns: runs(3000) },
    )
  })
  it('gives the same packets in any chunks, and the same error where a capture is cut', () => {
    fc.assert(
      fc.property(
        fc.array(packetToWrite, { minLength: 1, maxLength: 8 }),
        writerOptions,
        fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 }),
        fc.option(fc.nat()),
        (packets, options, sizes, cut) => {
          const whole = writeCapture(packets, options)
          const bytes = cut === null ? whole : whole.subarray(0, cut % whole.length)
          const expected = readInChunks(bytes, [Math.max(1, bytes.length)])
          const actual = readInChunks(bytes, sizes)
          expect(actual.error).toBe(expected.error)
          expect(actual.packets).toEqual(expected.packets)
          if (cut === null) expect(actual.error).toBeUndefined()
        },
      ),
      { seed: SEED, numRuns: runs(5000) },
    )
  })
  it('streams: packets come as soon as their bytes have', async () => {
    const bytes = writeCapture([{ data: Uint8Array.of(1) }, { data: Uint8Array.of(2) }, { data: Uint8Array.of(3) }])
    let delivered = 0
    async function* source(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 30)
      yield bytes.subarray(30, 24 + 2 * 17)
      expect(delivered).toBe(2)
      yield bytes.subarray(24 + 2 * 17)
    }
    for await (const packet of readCapture(source())) expect([...packet.data]).toEqual([++delivered])
    expect(delivered).toBe(3)
  })
  it('delivers the packets before a defect, then throws', async () => {
    const good = writeCapture([{ data: Uint8Array.of(1) }])
    const bytes = concatBytes([good, hexToBytes('00000000 00000000 ffffffff ffffffff')])
    const seen: number[] = []
    const reading = (async () => {
      for await (const packet of readCapture([bytes])) seen.push(packet.data[0]!)
    })()
    await expect(reading).rejects.toThrow(failure('pcap record at byte 41 has 4294967295 bytes; at most 262144'))
    expect(seen).toEqual([1])
  })
  it('describes each interface of a packet once, when writing pcapng', () => {
    const a: CaptureInterface = { index: 0, linkType: 1, snapLength: 0, name: 'eth0' }
    const b: CaptureInterface = { index: 1, linkType: 101, snapLength: 96, name: 'tün', description: 'a tunnel' }
    const packets = [a, b, b, a].map((each, i) => ({ data: Uint8Array.of(i), interface: each }))
    const capture = parseCapture(writeCapture(packets, { format: 'pcapng' }))
    expect(capture.interfaces).toEqual([a, b])
    expect(capture.packets.map((packet) => packet.interface.name)).toEqual(['eth0', 'tün', 'tün', 'eth0'])
    // What was read can be written as it is.
    expect(parseCapture(writeCapture(capture.packets, { format: 'pcapng', nanoseconds: true }))).toEqual(capture)
  })
  it('does not copy packets that lie within a chunk', () => {
    const bytes = writeCapture([{ data: Uint8Array.of(1, 2, 3) }])
    expect(parseCapture(bytes).packets[0]!.data.buffer).toBe(bytes.buffer)
  })
})

describe('classic pcap, by hand', () => {
  const records = {
    'a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000001': '00000005 00000007 00000002 00000040',
    'a1b23c4d 0002 0004 00000000 00000000 0000ffff 00000001': '00000005 00001b58 00000002 00000040',
    'd4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000': '05000000 07000000 02000000 40000000',
    '4d3cb2a1 0200 0400 00000000 00000000 ffff0000 01000000': '05000000 581b0000 02000000 40000000',
    // Version 2.3 of some writers, and 2.2, have the lengths the other way round.
    'a1b2c3d4 0002 0003 00000000 00000000 0000ffff 00000001': '00000005 00000007 00000040 00000002',
    'd4c3b2a1 0200 0200 00000000 00000000 ffff0000 01000000': '05000000 07000000 40000000 02000000',
    // A frame check sequence of four bytes is announced above the link type.
    'a1b2c3d4 0002 0004 ffffffff 00000000 0000ffff 44000001': '00000005 00000007 00000002 00000040',
  }
  it.each(Object.entries(records))('%s', (header, record) => {
    const capture = parseCapture(concatBytes([hexToBytes(header), hexToBytes(record), Uint8Array.of(0xca, 0xfe)]))
    expect(capture.interfaces).toEqual([{ index: 0, linkType: 1, snapLength: 65535 }])
    expect(capture.packets.map(plain)).toEqual([
      { data: [0xca, 0xfe], originalLength: 64, timestampNs: 5_000_007_000n, linkType: 1 },
    ])
  })
  it('is written as it stands in the draft', () => {
    const bytes = writeCapture([{ data: Uint8Array.of(0xca, 0xfe), originalLength: 64, timestampNs: 5_000_007_999n }])
    expect(bytesToHex(bytes)).toBe(
      'd4c3b2a1020004000000000000000000' + '0000040001000000' + '05000000070000000200000040000000' + 'cafe',
    )
  })
})

const le = (value: number, bytes: number): string =>
  bytesToHex(Uint8Array.from({ length: bytes }, (_, i) => (i < 4 ? (value >>> (8 * i)) & 0xff : 0)))
/** A little-endian block from hexadecimal text. */
const block = (type: number, body: string): string => {
  const length = 12 + hexToBytes(body).length
  return le(type, 4) + le(length, 4) + body + le(length, 4)
}
const SECTION = block(0x0a0d0d0a, '4d3c2b1a 0100 0000 ffffffffffffffff')
const idb = (options = '', linkType = 1, snapLength = 0): string =>
  block(1, `${le(linkType, 2)}0000${le(snapLength, 4)}${options}`)
const epb = (id: number, high: number, low: number, data = 'cafe0000', captured = 2): string =>
  block(6, `${le(id, 4)}${le(high, 4)}${le(low, 4)}${le(captured, 4)}${le(64, 4)}${data}`)
const parseHex = (...blocks: string[]): Capture => parseCapture(hexToBytes(blocks.join('')))

describe('pcapng, by hand', () => {
  it('reads packets, names and times', () => {
    const options =
      '0200 0400 65746830' + '0300 0300 6c616e00' + '0c00 0200 6f730000' + '0900 0100 09000000' + '00000000'
    const capture = parseHex(SECTION, idb(options, 1, 96), epb(0, 1, 2))
    expect(capture.interfaces).toEqual([{ index: 0, linkType: 1, snapLength: 96, name: 'eth0', description: 'lan' }])
    expect(capture.packets.map(plain)).toEqual([
      { data: [0xca, 0xfe], originalLength: 64, timestampNs: 4294967298n, linkType: 1 },
    ])
  })
  it.each<[string, string, number, number, bigint]>([
    ['microseconds by default', '', 1, 5, 4294967301000n],
    ['seconds', '0900 0100 00000000', 0, 5, 5_000_000_000n],
    ['milliseconds', '0900 0100 03000000', 0, 0xffffffff, 4294967295_000_000n],
    ['picoseconds, rounded down', '0900 0100 0c000000', 1, 999, 4294968n],
    ['units of 10^-127 s', '0900 0100 7f000000', 0xffffffff, 0xffffffff, 0n],
    ['units of 2^-10 s', '0900 0100 8a000000', 0, 1536, 1_500_000_000n],
    ['units of 2^-127 s', '0900 0100 ff000000', 0xffffffff, 0xffffffff, 0n],
    ['an offset of 10 s', '0e00 0800 0a00000000000000', 0, 5, 10_000_005_000n],
    ['an offset of -1 s', '0e00 0800 ffffffffffffffff', 0, 5, -999_995_000n],
    ['the largest of all', '', 0xffffffff, 0xffffffff, 18446744073709551615000n],
  ])('reads times in %s', (_, options, high, low, expected) => {
    expect(parseHex(SECTION, idb(options), epb(0, high, low)).packets[0]!.timestampNs).toBe(expected)
  })
  it('keeps the times of interfaces apart, and of both halves', () => {
    const times: [number, number, number][] = [
      [0, 0, 1],
      [1, 0, 1],
      [0, 1, 1],
      [1, 1, 1],
      [0, 0, 2],
    ]
    const { packets } = parseHex(SECTION, idb(), idb('0900 0100 09000000'), ...times.map(([id, h, l]) => epb(id, h, l)))
    expect(packets.map((packet) => packet.timestampNs)).toEqual([1000n, 1n, 4294967297000n, 4294967297n, 2000n])
  })
  it('reads simple packets, cut to the snap length, and obsolete ones', () => {
    const simple = block(3, `${le(9, 4)} 01020304`)
    const uncut = block(3, `${le(3, 4)} 01020300`)
    const obsolete = block(2, `${le(1, 2)}ffff${le(0, 4)}${le(7, 4)}${le(2, 4)}${le(64, 4)} cafe0000`)
    const { packets } = parseHex(SECTION, idb('', 101, 4), idb('', 1), simple, uncut, obsolete)
    expect(packets.map(plain)).toEqual([
      { data: [1, 2, 3, 4], originalLength: 9, timestampNs: 0n, linkType: 101 },
      { data: [1, 2, 3], originalLength: 3, timestampNs: 0n, linkType: 101 },
      { data: [0xca, 0xfe], originalLength: 64, timestampNs: 7000n, linkType: 1 },
    ])
  })
  it('reads several sections of different byte orders, each with its own interfaces', () => {
    const big =
      '0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c' +
      '00000001 00000014 0065 0000 00000000 00000014' +
      '00000006 00000024 00000000 00000000 00000007 00000002 00000002 beef0000 00000024'
    const { packets, interfaces } = parseHex(SECTION, idb(), epb(0, 0, 1), big, SECTION, idb('', 228), epb(0, 0, 3))
    expect(interfaces.map((each) => [each.index, each.linkType])).toEqual([
      [0, 1],
      [1, 101],
      [2, 228],
    ])
    expect(packets.map((packet) => [packet.interface.index, bytesToHex(packet.data), packet.timestampNs])).toEqual([
      [0, 'cafe', 1000n],
      [1, 'beef', 7000n],
      [2, 'cafe', 3000n],
    ])
  })
  it('skips other blocks and the options of packets', () => {
    const names = block(4, '0100 0800 0a000001 61620000 00000000')
    const statistics = block(5, `${le(0, 4)}${le(0, 8)}`)
    const custom = block(0x0bad, `${le(1, 4)}`)
    const unknown = block(0x7fffffff, '')
    const optioned = block(
      6,
      `${le(0, 4)}${le(0, 4)}${le(5, 4)}${le(2, 4)}${le(64, 4)} cafe0000 0200 0400 01000000 00000000`,
    )
    const { packets } = parseHex(SECTION, names, unknown, idb(), statistics, custom, optioned)
    expect(packets.map(plain)).toEqual([{ data: [0xca, 0xfe], originalLength: 64, timestampNs: 5000n, linkType: 1 }])
  })
})

describe('refusals', () => {
  const header = 'a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000001'
  it.each<[string, string, RegExp]>([
    ['nothing', '', /^the capture is empty$/],
    ['too little', 'a1b2', /^a capture cannot have 2 bytes$/],
    ['something else', '7f454c46 00000000', /^not a pcap or pcapng capture: it begins with 7f454c46$/],
    ['gzip', '1f8b0800 00000000', /gzip-compressed: decompress it first/],
    ['zstd', '28b52ffd 00000000', /zstd-compressed/],
    ['snoop', '736e6f6f70000000', /snoop capture/],
    ['a modified pcap', '34cdb2a1 00000000', /modified pcap/],
    ['a cut header', header.slice(0, 30), /^the pcap capture breaks off: incomplete record at byte 0$/],
    ['another version', 'a1b2c3d4 0003 0004 00000000 00000000 0000ffff 00000001', /^pcap version 3.4 is not/],
    ['a cut record', `${header} 00000000 00000000 00000004 00000004 0000`, /incomplete record at byte 24$/],
    ['a hostile length', `${header} 00000000 00000000 00040001 00000004`, /record at byte 24 has 262145 bytes/],
    ['a bad byte-order magic', '0a0d0d0a 0000001c 11111111', /byte-order magic 11111111$/],
    ['a section of another version', block(0x0a0d0d0a, '4d3c2b1a 0200 0000 ffffffffffffffff'), /version 2.0$/],
    ['a short section header', block(0x0a0d0d0a, '4d3c2b1a'), /section header of 16 bytes/],
    ['a block length under 12', `${SECTION}01000000 08000000 00000000`, /block at byte 28 has length 8$/],
    ['a block length that is no multiple of 4', `${SECTION}01000000 15000000 00000000`, /has length 21$/],
    ['a hostile block length', `${SECTION}01000000 fcffffff 00000000`, /has 4294967292 bytes; at most 16777216/],
    ['a block with two lengths', `${SECTION}0a000000 0c000000 10000000`, /12 at its start and 16 at its end$/],
    ['an unknown interface', SECTION + epb(0, 0, 0), /is of interface 0; its section describes 0$/],
    ['an interface of another section', SECTION + idb() + SECTION + epb(0, 0, 0), /describes 0$/],
    ['a short interface description', SECTION + block(1, '0100 0000'), /description of 16 bytes$/],
    ['an option that leaves its block', SECTION + idb('0200 ff00 65746830'), /option 2 of 255 bytes/],
    ['a short packet block', SECTION + idb() + block(6, '00000000'), /packet block of 16 bytes$/],
    ['a packet that leaves its block', SECTION + idb() + epb(0, 0, 0, 'cafe0000', 5), /and a packet of 5$/],
    ['a simple packet that leaves its block', SECTION + idb() + block(3, le(9, 4)), /and a packet of 9$/],
    ['a simple packet without interface', SECTION + block(3, le(0, 4)), /is of interface 0/],
    [
      'a hostile packet, before its bytes',
      `${SECTION}${idb()}${le(6, 4)}${le(300000, 4)}${le(0, 12)}${le(262145, 4)}${le(262145, 4)}`,
      /block at byte 48 has a packet of 262145 bytes; at most 262144/,
    ],
  ])('%s', (_, hex, message) => {
    expect(() => parseCapture(hexToBytes(hex))).toThrow(failure(message))
  })
  it('stops at a hostile length at once, without waiting for the bytes', () => {
    const parser = new CaptureParser()
    const bytes = hexToBytes(`${header} 00000000 00000000 ffffffff ffffffff`)
    expect(() => parser.push(bytes, [])).toThrow(failure('4294967295 bytes'))
  })
  it('takes longer packets when told so', () => {
    const bytes = writeCapture([{ data: new Uint8Array(300000) }])
    expect(() => parseCapture(bytes)).toThrow(failure('has 300000 bytes; at most 262144 are read'))
    expect(parseCapture(bytes, { maxPacketLength: 300000 }).packets[0]!.data.length).toBe(300000)
  })
  it('ends quietly where a capture breaks off, when told so', () => {
    const bytes = writeCapture([{ data: Uint8Array.of(1) }, { data: Uint8Array.of(2) }])
    const capture = parseCapture(bytes.subarray(0, bytes.length - 1), { allowTruncated: true })
    expect(capture.truncated).toBe(true)
    expect(capture.packets).toHaveLength(1)
    expect(() => parseCapture(bytes.subarray(0, 20), { allowTruncated: true })).toThrow(failure('byte 0'))
  })
  it('has a bound on interfaces', () => {
    const one = hexToBytes(idb())
    const bytes = concatBytes([hexToBytes(SECTION), ...new Array<Uint8Array>(65537).fill(one)])
    expect(() => parseCapture(bytes)).toThrow(failure('is interface 65537'))
  })
  it('does not write what the format cannot hold', () => {
    const data = Uint8Array.of(1)
    const classic = createPcapWriter()
    const from = { index: 0, linkType: 101, snapLength: 0 }
    expect(() => classic.packet({ data, timestampNs: 4294967296000000000n })).toThrow(failure('no room for the time'))
    expect(() => classic.packet({ data, timestampNs: -1n })).toThrow(failure('no room for the time'))
    expect(() => classic.packet({ data, originalLength: -1 })).toThrow(failure('original length'))
    expect(() => classic.packet({ data, interface: from })).toThrow(failure('one link type'))
    expect(() => createPcapWriter({ linkType: 65536 })).toThrow(failure('link type'))
    expect(() => createPcapWriter({ format: 'pcapng' }).packet({ data, timestampNs: -1n })).toThrow(failure('time'))
  })
})

describe('time and memory', () => {
  it('are linear for a large packet that arrives byte by byte', () => {
    const bytes = writeCapture([{ data: new Uint8Array(200000).fill(7) }])
    const started = performance.now()
    const { packets, error } = readInChunks(bytes, [1])
    expect(error).toBeUndefined()
    expect(packets[0]!.data).toEqual(new Uint8Array(200000).fill(7))
    // Copying at each byte would be 20 gigabytes.
    expect(performance.now() - started).toBeLessThan(5000)
  })
})

/** All of an outcome in a line: much cheaper to compare, tens of thousands of times, than the objects. */
function outcomeText({ packets, error }: Outcome): string {
  const one = ({ data, originalLength, timestampNs, linkType, interface: from }: CapturedPacket): string =>
    [from.index, from.linkType, linkType, timestampNs, originalLength, bytesToHex(data)].join(' ')
  return [...packets.map(one), error].join('\n')
}

describe('spoilt captures', () => {
  const samples = [
    writeCapture(
      Array.from({ length: 6 }, (_, i) => ({
        data: new Uint8Array(20 + 7 * i).fill(i),
        timestampNs: 1n << BigInt(8 * i),
      })),
    ),
    writeCapture([{ data: new Uint8Array(60) }, { data: new Uint8Array(3) }], { byteOrder: 'big', nanoseconds: true }),
    hexToBytes(
      [
        SECTION,
        idb('0200 0400 65746830 0900 0100 8a000000 0e00 0800 0a00000000000000 00000000', 1, 96),
        epb(0, 1, 2),
        block(4, '0100 0800 0a000001 61620000 00000000'),
        block(3, `${le(4, 4)} 01020304`),
        SECTION,
        idb(),
        block(2, `${le(0, 2)}ffff${le(0, 4)}${le(7, 4)}${le(2, 4)}${le(64, 4)} cafe0000`),
        epb(0, 0, 9),
      ].join(''),
    ),
  ]
  const mutation = fc.oneof(
    fc.record({ kind: fc.constant('byte' as const), at: fc.nat(), value: fc.nat(255) }),
    fc.record({
      kind: fc.constant('word' as const),
      at: fc.nat(),
      value: fc.constantFrom(0, 1, 4, 12, 32, 0x7fffffff, 0xffffffff, 0x80000000, 262144, 16777216),
    }),
    fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), value: fc.nat(40) }),
    fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), value: fc.nat(40) }),
  )
  const mutate = (bytes: Uint8Array, { kind, at, value }: { kind: string; at: number; value: number }): Uint8Array => {
    const place = at % Math.max(1, bytes.length)
    if (kind === 'cut') return concatBytes([bytes.subarray(0, place), bytes.subarray(place + value)])
    if (kind === 'insert') return concatBytes([bytes.subarray(0, place), new Uint8Array(value), bytes.subarray(place)])
    const copy = bytes.slice()
    if (kind === 'byte') copy[place] = value
    else for (let i = 0; i < 4 && place + i < copy.length; i++) copy[place + i] = value >>> (8 * i)
    return copy
  }
  it.each(samples.map((sample, i) => [i, sample] as const))(
    'give packets or ERR_CAPTURE, in any chunks (%i)',
    (_, sample) => {
      let refused = 0
      let read = 0
      fc.assert(
        fc.property(
          fc.array(mutation, { minLength: 1, maxLength: 4 }),
          fc.integer({ min: 1, max: 50 }),
          (changes, size) => {
            const bytes = changes.reduce(mutate, sample)
            const { packets, error } = readInChunks(bytes, [Math.max(1, bytes.length)])
            if (error === undefined) read++
            else refused++
            const text = outcomeText({ packets, error })
            expect(outcomeText(readInChunks(bytes, [size]))).toBe(text)
          },
        ),
        { seed: SEED, numRuns: runs(20000) },
      )
      // Both happen: the mutations neither all destroy nor all spare.
      expect(Math.min(refused, read)).toBeGreaterThan(10)
    },
  )
})
