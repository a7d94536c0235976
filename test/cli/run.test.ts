import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CapturedPacket, ethernet, ipv4, parseCapture, tcp, udp, writeCapture } from '../../src/net/index.ts'
import { cli, errorLine } from '../support/cli.ts'

const FIREWALL = 'examples/xdp-firewall/firewall.el.o'
const TAIL_CALLS = 'examples/socket-tail-calls/filter.el.o'
const FLOWS = 'examples/tc-flows/flows.el.o'

/** The keys that DESIGN.md promises for `run --json`. */
const KEYS = [
  'program',
  'type',
  'engine',
  'verified',
  'runs',
  'retval',
  'nsPerRun',
  'compileMs',
  'verdicts',
  'output',
  'events',
  'maps',
]

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'anybpf-run-'))
})
afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

const file = (name: string): string => join(directory, name)
const json = async (argv: readonly string[], stdin?: string | Uint8Array) => {
  const result = await cli([...argv, '--json'], stdin === undefined ? {} : { stdin })
  return { ...result, document: JSON.parse(result.stdout) }
}

function bytesOf(packet: { readonly bytes: Uint8Array } | Uint8Array): Uint8Array {
  return packet instanceof Uint8Array ? packet : packet.bytes
}

/** Packets from 10.0.0.N, one for each N, a millisecond apart. */
function captureOf(sources: readonly number[], linkType = 1): Uint8Array {
  const packets = sources.map((n, i) => ({
    data: bytesOf(ethernet(ipv4({ src: `10.0.0.${n}`, dst: '10.0.1.1' }, tcp({ dport: 80 })))),
    timestampNs: 1_700_000_000_000_000_000n + BigInt(i) * 1_000_000n,
  }))
  return writeCapture(packets, { linkType })
}

describe('run on memory', () => {
  it('warns of the engine that checks nothing, on standard error alone', async () => {
    const bytes = Buffer.from('b70000002a0000009500000000000000', 'hex')
    const argv = ['run', '--raw', '-', '--data', '00'.repeat(8), '--engine', 'jit', '--no-verify', '--budget', '0']
    const text = await cli(argv, { stdin: bytes })
    expect(text.status).toBe(0)
    expect(text.stdout).toContain('(raw, jit, unverified, unchecked): r0 = 0x2a (42)\n')
    expect(text.stderr).toMatch(/^anybpf: standard input: warning: .*--engine jit checks no memory access.*\n$/)
    const { status, stdout, stderr } = await cli([...argv, '--json', '--repeat', '3'], { stdin: bytes })
    expect([status, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject({ verified: false, checked: false, engine: 'jit', runs: 3, retval: 42 })
    for (const quiet of [['--no-verify'], ['--engine', 'jit']]) {
      expect((await cli(['run', '--raw', '-', ...quiet], { stdin: bytes })).stderr).toBe('')
    }
  })

  it.each([
    ['text', 'r0 = 42\nexit\n', /this is text, not instruction bytes .*leave out --raw/],
    ['an object', readFileSync('examples/xdp-firewall/firewall.el.o'), /this is an ELF object.*leave out --raw/],
    ['a capture', readFileSync('examples/captures/mixed.pcap'), /this is a packet capture/],
  ])('says what it has for --raw if that is %s', async (_, stdin, message) => {
    const { status, stderr } = await cli(['run', '--raw', '-'], { stdin })
    expect(status).toBe(3)
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(errorLine('ERR_FORMAT'))
  })

  it('refuses a program without instructions', async () => {
    for (const argv of [
      ['run', '-'],
      ['run', '-', '--raw'],
    ]) {
      const { status, stderr } = await cli(argv, { stdin: '' })
      expect(status).toBe(3)
      expect(stderr).toBe('anybpf: standard input: holds no instructions [ERR_FORMAT]\n')
    }
  })

  it('prints r0 in hexadecimal and decimal', async () => {
    const { status, stdout, stderr } = await cli(['run', '-'], { stdin: 'r0 = 42\nexit\n' })
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toBe('program (raw, jit, verified): r0 = 0x2a (42)\n')
  })

  it('gives all 64 bits of r0, exactly', async () => {
    const { document } = await json(['run', '-'], 'r0 = -1\nexit\n')
    expect(document.r0).toBe('0xffffffffffffffff')
    expect(document.retval).toBe('18446744073709551615')
  })

  it('points r1 at the memory and has its length in r2', async () => {
    const source = 'r3 = *(u8 *)(r1 + 1)\n*(u8 *)(r1 + 0) = 255\nr0 = r2\nr0 <<= 8\nr0 |= r3\nexit\n'
    const { document } = await json(['run', '-', '--data', '0a:0b 0c'], source)
    expect(document.r0).toBe('0x30b')
    expect(document.packet).toBe('ff0b0c')
    writeFileSync(file('memory'), Uint8Array.of(10, 11, 12))
    expect((await json(['run', '-', '--data', `@${file('memory')}`], source)).document.r0).toBe('0x30b')
    expect((await json(['run', '-', '--no-verify'], 'r0 = r2\nr0 += r1\nexit\n')).document.retval).toBe(0)
  })

  it('runs instruction bytes, binary or hexadecimal', async () => {
    const hex = 'b7000000 07000000 95000000 00000000'
    expect((await json(['run', '--raw', '-'], hex)).document.retval).toBe(7)
    expect((await json(['run', '--raw', '-'], Buffer.from(hex.replace(/ /g, ''), 'hex'))).document.retval).toBe(7)
  })

  it('has every key that is promised', async () => {
    const { document } = await json(['run', '-'], 'r0 = 0\nexit\n')
    for (const key of KEYS) expect(document).toHaveProperty(key)
    expect(document).toMatchObject({
      program: 'program',
      type: 'raw',
      engine: 'jit',
      verified: true,
      checked: false,
      runs: 1,
      retval: 0,
      verdicts: { 0: 1 },
      output: [],
      events: [],
      maps: {},
    })
    expect(document.nsPerRun).toBeGreaterThan(0)
    expect(document.compileMs).toBeGreaterThan(0)
  })

  it('runs on the engine that is named', async () => {
    const object = 'examples/xdp-firewall/firewall.el.o'
    const pcap = 'examples/captures/mixed.pcap'
    const [interpreted, compiled] = await Promise.all(
      ['interpreter', 'jit'].map(async (engine) => {
        const run = ['run', object, '--pcap', pcap, '--maps', '--engine', engine]
        const { engine: used, nsPerRun, compileMs, packets, ...rest } = (await json(run)).document
        expect(used).toBe(engine)
        expect(nsPerRun).toBeGreaterThan(0)
        return { ...rest, out: packets.out, bytesOut: packets.bytesOut }
      }),
    )
    expect(compiled).toEqual(interpreted)
    const raw = await json(['run', '-', '--no-verify', '--engine', 'jit', '--budget', '0'], 'r0 = 7\nr0 <<= 40\nexit\n')
    expect(raw.document).toMatchObject({ engine: 'jit', verified: false, checked: false, r0: '0x70000000000' })
  })

  it.each(['interpreter', 'jit'])('ends a program that never ends, at the budget, on the %s', async (engine) => {
    const { status, stderr, document } = await json(
      ['run', '-', '--no-verify', '--budget', '10k', '--engine', engine],
      'again: goto again\n',
    )
    expect(status).toBe(1)
    expect(stderr).toMatch(errorLine('ERR_BUDGET'))
    expect(document).toMatchObject({ runs: 0, retval: null, nsPerRun: null, error: { code: 'ERR_BUDGET' } })
  })

  it('names the fault of a bad access in one line, with status 1', async () => {
    const source = 'r2 = 0\nr0 = *(u64 *)(r2 + 8)\nexit\n'
    const { status, stdout, stderr } = await cli(['run', '-', '--no-verify'], { stdin: source })
    expect(status).toBe(1)
    expect(stdout).toContain('ended early')
    expect(stderr).toMatch(errorLine('ERR_FAULT'))
    expect(stderr).toMatch(/^anybpf: standard input: program: insn 1: /)
    const { document } = await json(['run', '-', '--no-verify'], source)
    expect(document.error.details).toMatchObject({ kind: 'null', slot: 1, size: 8 })
    // What is unchecked reads zeros from page zero.
    const unchecked = await json(['run', '-', '--no-verify', '--unchecked'], source)
    expect(unchecked.document).toMatchObject({ retval: 0, verified: false, checked: false })
  })

  it('does not run what the verifier rejects, and explains why', async () => {
    const source = 'r2 = 0\nr0 = *(u64 *)(r2 + 8)\nexit\n'
    const { status, stdout, stderr } = await cli(['run', '-'], { stdin: source })
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^rejected \[wrong_type\] r2 is used as a pointer, and it is the number 0/)
    expect(stderr).toMatch(
      /\nanybpf: standard input: program: insn 1: r2 is used as a pointer[^\n]+ \[ERR_REJECTED\]\n$/,
    )
    const { document } = await json(['run', '-'], source)
    expect(document.error).toMatchObject({ code: 'ERR_REJECTED', details: { report: { error: { insn: 1 } } } })
  })

  it('lets a raw program access as much memory as it is given', async () => {
    const source = 'r0 = *(u8 *)(r1 + 3)\nexit\n'
    expect((await json(['run', '-', '--data', '00000007'], source)).document).toMatchObject({ retval: 7 })
    const { status, document } = await json(['run', '-', '--data', '000007'], source)
    expect([status, document.error.code]).toEqual([1, 'ERR_REJECTED'])
    expect(document.error.message).toContain('at offset 3 of the memory that r1 points to, which has 3 bytes')
  })

  it('repeats on what the run before left, or on fresh input', async () => {
    const count = 'r0 = *(u32 *)(r1 + 0)\nr0 += 1\n*(u32 *)(r1 + 0) = r0\nexit\n'
    const data = ['--data', '00000000']
    const kept = await json(['run', '-', ...data, '--repeat', '1k'], count)
    expect(kept.document).toMatchObject({ runs: 1000, retval: 1000, packet: 'e8030000' })
    const fresh = await json(['run', '-', ...data, '--repeat', '1k', '--fresh'], count)
    expect(fresh.document).toMatchObject({ runs: 1000, retval: 1 })
    const text = await cli(['run', '-', ...data, '--repeat', '100'], { stdin: count })
    expect(text.stdout).toMatch(
      /r0 = 0x64 \(100\) in the last of 100 runs, [\d.]+ (ns|µs|ms) per run, cold: repeat it 1k times or more/,
    )
    const warm = await cli(['run', '-', ...data, '--repeat', '1k'], { stdin: count })
    expect(warm.stdout).toMatch(/in the last of 1,000 runs, [\d.]+ (ns|µs|ms) per run\n/)
  })

  it('is repeatable: time stands still and randomness has a seed', async () => {
    const source = 'call ktime_get_ns\nr6 = r0\ncall get_prandom_u32\nr0 <<= 32\nr0 |= r6\nexit\n'
    const at = async (...options: string[]): Promise<unknown> =>
      (await json(['run', '-', '--type', 'socket_filter', '--data', '00'.repeat(14), ...options], source)).document
        .retval
    expect(await at()).toBe(1_000_000_000)
    expect(await at('--real-time')).not.toBe(1_000_000_000)
    const random = 'call get_prandom_u32\nexit\n'
    const seeded = async (seed: string): Promise<unknown> =>
      (await json(['run', '-', '--type', 'xdp', '--data', '00'.repeat(14), '--seed', seed], random)).document.retval
    expect(await seeded('7')).toBe(await seeded('7'))
    expect(await seeded('7')).not.toBe(await seeded('8'))
  })

  it('refuses what makes no sense', async () => {
    const refused = async (argv: readonly string[], status: number, code: string, words: RegExp): Promise<void> => {
      const result = await cli(['run', ...argv], { stdin: 'r0 = 0\nexit\n' })
      expect(result.stderr).toMatch(errorLine(code))
      expect(result.stderr).toMatch(words)
      expect(result.status).toBe(status)
    }
    await refused(['-', '--type', 'kangaroo'], 2, 'ERR_USAGE', /there are .*xdp/)
    await refused(['-', '--data', '0'], 2, 'ERR_USAGE', /not hexadecimal/)
    await refused(['-', '--data', '@/no/such/file'], 3, 'ERR_NOT_FOUND', /\/no\/such\/file/)
    await refused(['-', '--ctx', '{mark: 1}', '--type', 'sched_cls'], 2, 'ERR_USAGE', /--ctx is not JSON/)
    await refused(['-', '--ctx', '[1]'], 2, 'ERR_USAGE', /--ctx wants an object/)
    await refused(['-', '--ctx', '{"mark": 1}'], 2, 'ERR_USAGE', /no context/)
    await refused(['-', '--map', 'x={}'], 2, 'ERR_USAGE', /for objects/)
    await refused(['-', '--program', 'x'], 2, 'ERR_USAGE', /for objects/)
  })
})

describe('run on one packet', () => {
  const packet = Buffer.from(
    bytesOf(ethernet(ipv4({ src: '10.0.0.1', dst: '10.0.1.1' }, udp({ dport: 53, sport: 9 })))),
  ).toString('hex')

  it('names the verdict', async () => {
    const { status, stdout } = await cli(['run', FIREWALL, '--data', packet])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^firewall \(xdp, jit, verified\): XDP_PASS \(2\)\npacket after it, 42 bytes\n/)
    const { document } = await json(['run', FIREWALL, '--data', packet])
    expect(document).toMatchObject({ program: 'firewall', type: 'xdp', retval: 2, verdict: 'XDP_PASS', packet })
    expect(document.verdicts).toEqual({ XDP_PASS: 1 })
  })

  it('takes fields of the context, and gives them back', async () => {
    const source = 'r0 = *(u32 *)(r1 + 8)\nr2 = 7\n*(u32 *)(r1 + 8) = r2\nexit\n'
    const argv = ['run', '-', '--type', 'sched_cls', '--data', packet]
    const { document } = await json([...argv, '--ctx', '{"mark": 5}'], source)
    expect(document).toMatchObject({ retval: 5, context: { mark: 7 } })
    const refused = await cli([...argv, '--ctx', '{"speed": 5}'], { stdin: source })
    expect(refused.status).toBe(2)
    expect(refused.stderr).toMatch(errorLine('ERR_USAGE'))
  })

  it('sets globals before loading', async () => {
    const argv = ['run', FIREWALL, '--data', packet, '--repeat', '5']
    expect((await json([...argv, '--global', 'threshold=4'])).document).toMatchObject({ verdict: 'XDP_DROP' })
    expect((await json([...argv, '--global', 'threshold=5'])).document).toMatchObject({ verdict: 'XDP_PASS' })
    const wrong = await cli([...argv, '--global', 'treshold=5'])
    expect(wrong.status).toBe(2)
    expect(wrong.stderr).toMatch(errorLine('ERR_NOT_FOUND'))
    expect((await cli([...argv, '--global', 'threshold'])).status).toBe(2)
  })

  it('fills maps, and prints them in the same form', async () => {
    const address = 0x0a000001
    const argv = ['run', FIREWALL, '--data', packet]
    const asPairs = await json([...argv, '--map', `blocked=[[{"addr": ${address}}, 1]]`])
    expect(asPairs.document).toMatchObject({ verdict: 'XDP_DROP', maps: { blocked: [[{ addr: address }, 1]] } })
    const asObject = await json([...argv, '--map', `blocked={"{\\"addr\\": ${address}}": 1}`])
    expect(asObject.document.maps.blocked).toEqual(asPairs.document.maps.blocked)
    writeFileSync(file('blocked.json'), JSON.stringify(asPairs.document.maps.blocked))
    const asFile = await json([...argv, '--map', `blocked=@${file('blocked.json')}`])
    expect(asFile.document.maps.blocked).toEqual(asPairs.document.maps.blocked)

    const { stdout } = await cli([...argv, '--map', `blocked=@${file('blocked.json')}`, '--maps'])
    expect(stdout).toContain(`\nblocked (hash, 1 entry)\n  { addr: ${address} }: 1\n`)
    expect(stdout).toMatch(/\ncounters \(percpu_array, 5 entries\)\n {2}REASON_PASSED: \{ packets: 0, bytes: 0 \}\n/)
    expect(stdout).toContain('REASON_BLOCKED: { packets: 1, bytes: 42 }')
  })

  it('refuses entries that do not fit, and maps that do not exist', async () => {
    const refused = async (map: string, status: number): Promise<string> => {
      const result = await cli(['run', FIREWALL, '--data', packet, '--map', map])
      expect(result.status).toBe(status)
      expect(result.stderr).toMatch(errorLine('ERR_[A-Z_]+'))
      return result.stderr
    }
    expect(await refused('nothing=[]', 2)).toContain('no map')
    expect(await refused('nothing=[[1, 2]]', 2)).toContain('no map "nothing"; the object has blocked')
    expect(await refused('blocked=[[1, 2, 3]]', 2)).toContain('wants pairs')
    expect(await refused('blocked=7', 2)).toContain('wants [[key, value], …]')
    expect(await refused('blocked={"10.0.0.1": 1}', 2)).toMatch(
      /an object with addr, got "10.0.0.1"; a key that is a struct is written --map 'blocked=\[\[/,
    )
    expect(await refused('blocked=[[{"address": 1}, 2]]', 2)).toContain('address')
    expect(await refused('blocked=[[{"addr": 1}, 4294967296]]', 2)).toContain('4294967296')
    expect(await refused('counters=[[99, {}]]', 2)).toContain('counters')
    expect(await refused('blocked=@/no/such/file', 3)).toContain('no such file')
  })

  it('puts programs into prog arrays by name, and shows them so', async () => {
    const argv = ['run', TAIL_CALLS, '--program', 'dispatch', '--data', packet]
    const declared = await json(argv)
    expect(declared.document.maps.protocols).toEqual([
      [1, 'filter_icmp'],
      [6, 'filter_tcp'],
      [17, 'filter_udp'],
    ])
    // UDP handed to the program for ICMP.
    const swapped = await json([...argv, '--map', 'protocols={"17": "filter_icmp"}'])
    expect(swapped.document.maps.protocols).toContainEqual([17, 'filter_icmp'])
    const tallied = (document: typeof declared.document): unknown[] =>
      document.maps.tallies.map(([key]: [unknown]) => key)
    expect([tallied(declared.document), tallied(swapped.document)]).toEqual([[17], [1]])
    const wrong = await cli([...argv, '--map', 'protocols={"17": "filter_sctp"}'])
    expect(wrong.status).toBe(2)
    expect(wrong.stderr).toContain('filter_sctp')
  })

  it('lists the programs where there are several', async () => {
    const { status, stderr } = await cli(['run', TAIL_CALLS])
    expect(status).toBe(2)
    expect(stderr).toMatch(errorLine('ERR_USAGE'))
    expect(stderr).toContain('filter_icmp, filter_tcp, filter_udp, dispatch')
  })

  it('refuses to execute a big-endian program', async () => {
    const { status, stderr } = await cli(['run', 'examples/xdp-firewall/firewall.eb.o'])
    expect(status).toBe(1)
    expect(stderr).toMatch(errorLine('ERR_BYTE_ORDER'))
  })
})

describe('run on a capture', () => {
  const verdictsOf = async (sources: readonly number[], ...options: string[]) =>
    json(['run', FIREWALL, '--pcap', '-', ...options], captureOf(sources))

  it('counts verdicts, packets and bytes', async () => {
    const { status, stderr, document } = await verdictsOf([1, 2, 1, 1], '--global', 'threshold=2')
    expect([status, stderr]).toEqual([0, ''])
    expect(document).toMatchObject({
      runs: 4,
      verdicts: { XDP_PASS: 3, XDP_DROP: 1 },
      packets: { in: 4, out: 3, bytesIn: 4 * 54, bytesOut: 3 * 54 },
    })
    for (const key of KEYS) expect(document).toHaveProperty(key)
    expect(document.packets.perSecond).toBeGreaterThan(0)
  })

  it('prints a table of verdicts with shares', async () => {
    const stdin = captureOf([1, 2, 1, 1])
    const { stdout } = await cli(['run', FIREWALL, '--pcap', '-', '--global', 'threshold=2'], { stdin })
    expect(stdout).toMatch(/^firewall \(xdp, jit, verified\): 4 packets of -, [\d,]+ per second\n/)
    expect(stdout).toContain('verdict   packets   share\nXDP_PASS        3  75.0 %\nXDP_DROP        1  25.0 %\n')
  })

  it('decodes events by BTF, and lets the clock follow the time stamps', async () => {
    const { document } = await verdictsOf([1, 1, 2, 1], '--global', 'threshold=1')
    const event = { source: 0x0a000001, reason: 'REASON_TOO_MANY', length: 54 }
    expect(document.events).toEqual([
      { map: 'events', packet: 2, data: { ...event, time: 1_001_000_000 } },
      { map: 'events', packet: 4, data: { ...event, time: 1_003_000_000 } },
    ])
    expect(document.eventCount).toBe(2)
    expect(document.output).toEqual(['10.0.0.1 sent more than 1 packets'])
  })

  it('bounds what it shows of events and output, and counts the rest', async () => {
    const sources = Array.from({ length: 40 }, (_, i) => 1 + (i % 8))
    const options = ['--global', 'threshold=1', '--events', '3', '--lines', '2']
    const { document } = await verdictsOf(sources, ...options)
    expect([document.events.length, document.eventCount]).toEqual([3, 32])
    expect([document.output.length, document.outputLines]).toEqual([2, 8])
    const { stdout } = await cli(['run', FIREWALL, '--pcap', '-', ...options], { stdin: captureOf(sources) })
    expect(stdout).toContain('  … and 29 more events\n')
    expect(stdout).toContain('  … and 6 more lines\n')
  })

  it.each(['pcap', 'pcapng'] as const)('writes the packets that go on as %s', async (format) => {
    const out = file(`out.${format}`)
    await verdictsOf([1, 2, 1, 3], '--global', 'threshold=1', '--write', out)
    const written = parseCapture(readFileSync(out))
    const given = parseCapture(captureOf([1, 2, 1, 3])).packets
    const essence = (packet: CapturedPacket) => [Buffer.from(packet.data).toString('hex'), packet.timestampNs]
    expect(written.format).toBe(format)
    expect(written.packets.map(essence)).toEqual([given[0]!, given[1]!, given[3]!].map(essence))
  })

  it('writes as many bytes as a socket filter keeps', async () => {
    const out = file('kept.pcap')
    const argv = ['run', '-', '--type', 'socket_filter', '--write', out]
    writeFileSync(file('in.pcap'), captureOf([1, 2]))
    const { status } = await cli([...argv, '--pcap', file('in.pcap')], { stdin: 'r0 = 14\nexit\n' })
    expect(status).toBe(0)
    expect(
      parseCapture(readFileSync(out)).packets.map(({ data, originalLength }) => [data.length, originalLength]),
    ).toEqual([
      [14, 54],
      [14, 54],
    ])
  })

  it('gives an empty capture for an empty one', async () => {
    const out = file('empty.pcap')
    const { status, document } = await json(['run', FIREWALL, '--pcap', '-', '--write', out], writeCapture([]))
    expect(status).toBe(0)
    expect(document).toMatchObject({ runs: 0, retval: null, verdicts: {}, packets: { in: 0, out: 0 } })
    expect(parseCapture(readFileSync(out)).packets).toEqual([])
  })

  it('stops at a fault, names the packet, and keeps what went before', async () => {
    // Faults on the third packet: it reads past the end of packets whose source ends in 3.
    const source =
      'r2 = *(u32 *)(r1 + 0)\nr3 = *(u8 *)(r2 + 29)\nr0 = 2\nif r3 != 3 goto done\nr0 = *(u8 *)(r2 + 2000)\ndone: exit\n'
    writeFileSync(file('fault.s'), source)
    const argv = ['run', file('fault.s'), '--no-verify', '--type', 'xdp', '--pcap', '-', '--write', file('fault.pcap')]
    const { status, stderr, document } = await json(argv, captureOf([1, 2, 3, 4]))
    expect(status).toBe(1)
    expect(stderr).toMatch(errorLine('ERR_FAULT'))
    expect(stderr).toContain('packet 3: program: insn 4: ')
    expect(document).toMatchObject({ runs: 2, verdicts: { XDP_PASS: 2 }, error: { code: 'ERR_FAULT' } })
    expect(parseCapture(readFileSync(file('fault.pcap'))).packets).toHaveLength(2)
  })

  it('shows the commonest verdicts where every packet has its own', async () => {
    // Returns the source address.
    const source = 'r2 = *(u32 *)(r1 + 76)\nr0 = *(u32 *)(r2 + 26)\nexit\n'
    writeFileSync(file('many.s'), source)
    const sources = Array.from({ length: 50 }, (_, i) => i + 1)
    const argv = ['run', file('many.s'), '--no-verify', '--type', 'sched_cls', '--pcap', '-']
    const { stdout } = await cli(argv, { stdin: captureOf([...sources, 7]) })
    expect(stdout).toMatch(/^117440522 +2 +3\.9 %$/m)
    expect(stdout.match(/^\d+ +1 +2\.0 %$/gm)).toHaveLength(19)
    expect(stdout).toContain('  … and 30 more verdicts\n')
    const { document } = await json(argv, captureOf(sources))
    expect(Object.keys(document.verdicts)).toHaveLength(50)
  })

  it('warns once of packets that do not begin with Ethernet', async () => {
    const { status, stderr } = await cli(['run', FIREWALL, '--pcap', '-'], { stdin: captureOf([1, 2], 101) })
    expect(status).toBe(0)
    expect(stderr).toMatch(/^anybpf: -: warning: packets begin with [^\n]+, not with Ethernet\n$/)
  })

  it('runs what there is of a capture that breaks off, and says where it does', async () => {
    const capture = captureOf([1, 2])
    const out = file('broken.pcap')
    const stdin = capture.subarray(0, capture.length - 5)
    const { status, stderr, document } = await json(['run', FIREWALL, '--pcap', '-', '--write', out], stdin)
    expect(status).toBe(3)
    expect(stderr).toMatch(errorLine('ERR_CAPTURE'))
    expect(stderr).toMatch(/^anybpf: standard input: /)
    expect(document).toMatchObject({ runs: 1, packets: { in: 1 }, error: { code: 'ERR_CAPTURE' } })
    expect(parseCapture(readFileSync(out)).packets).toHaveLength(1)
  })

  it('refuses what is no capture, and leaves no output', async () => {
    const out = file('none.pcap')
    for (const pcap of [FIREWALL, '-']) {
      const wrong = await cli(['run', FIREWALL, '--pcap', pcap, '--write', out], {
        stdin: captureOf([1]).subarray(0, 30),
      })
      expect(wrong.status).toBe(3)
      expect(wrong.stderr).toMatch(errorLine('ERR_CAPTURE'))
      expect(wrong.stdout).toBe('')
      expect(existsSync(out)).toBe(false)
    }
  })

  it('runs every example on its capture', async () => {
    for (const [object, program] of [
      [FIREWALL, 'firewall'],
      [TAIL_CALLS, 'dispatch'],
      [FLOWS, 'count_flows'],
      ['examples/xdp-load-balancer/load_balancer.el.o', 'balance'],
    ] as const) {
      const argv = ['run', object, '--program', program, '--pcap', 'examples/captures/mixed.pcap']
      const { status, document } = await json(argv)
      expect(status).toBe(0)
      const counts: number[] = Object.values(document.verdicts)
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(document.packets.in)
      expect(document.packets.in).toBeGreaterThan(500)
    }
  })
})
