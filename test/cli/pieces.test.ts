import { describe, expect, it } from 'vitest'
import { formatJson, parseJson } from '../../src/cli/json.ts'
import { formatCount, formatDuration, Progress } from '../../src/cli/progress.ts'
import { BoundedList, BoundedTally, OTHERS } from '../../src/cli/run/bounded.ts'
import { bytesGoingOn } from '../../src/cli/run/disposition.ts'
import { measureRuns } from '../../src/cli/run/repeat.ts'
import { formatHexDump, formatValue, visible } from '../../src/cli/text.ts'

describe('JSON', () => {
  it('keeps integers that a number cannot hold', () => {
    expect(parseJson('18446744073709551615', 'x')).toBe(18446744073709551615n)
    expect(parseJson('[-9007199254740993, 9007199254740991, 1.5e3]', 'x')).toEqual([
      -9007199254740993n,
      9007199254740991,
      1500,
    ])
    expect(parseJson('{"9007199254740993": "9007199254740993"}', 'x')).toEqual({
      '9007199254740993': '9007199254740993',
    })
    // More digits than a double has, but no integer.
    expect(parseJson('0.12345678901234567890', 'x')).toBeCloseTo(0.123456789)
  })

  it('says what is not JSON, and where it stood', () => {
    expect(() => parseJson('{a: 1}', '--map flows')).toThrow(/^--map flows is not JSON: /)
    expect(() => parseJson('[18446744073709551615,]', 'x')).toThrow(/is not JSON/)
    expect(() => parseJson('', 'x')).toThrow(/is not JSON/)
  })

  it('reads a long text in linear time', () => {
    const text = `"${'\\"'.repeat(2_000_000)}"`
    expect((parseJson(text, 'x') as string).length).toBe(2_000_000)
  })

  it('writes what JSON has no word for', () => {
    const value = {
      small: 5n,
      large: 2n ** 63n,
      bytes: Uint8Array.of(1, 171),
      map: new Map([['a', 1]]),
      none: undefined,
    }
    expect(JSON.parse(formatJson(value))).toEqual({
      small: 5,
      large: '9223372036854775808',
      bytes: '01ab',
      map: [['a', 1]],
    })
  })
})

describe('measuring', () => {
  it('makes exactly as many runs as asked, and warms up with a tenth of them', () => {
    for (const count of [1, 2, 19, 20, 21, 110, 1000, 12345]) {
      const rounds: number[] = []
      measureRuns(
        count,
        (runs) => rounds.push(runs),
        () => 0,
      )
      expect(rounds.reduce((sum, runs) => sum + runs, 0)).toBe(count)
      expect(Math.min(...rounds)).toBeGreaterThan(0)
      expect(rounds.length).toBeLessThanOrEqual(12)
      if (count >= 20) expect(rounds[0]).toBe(Math.floor(count / 10))
    }
  })

  it('gives the median round, per run, without the warm-up', () => {
    let now = 0
    let round = 0
    // The warm-up is slow, two rounds are disturbed, the others take 5 ns a run.
    const cost = (): number => (round === 0 ? 1000 : round < 3 ? 300 : 5)
    const ns = measureRuns(
      120,
      (runs) => {
        now += runs * cost()
        round++
      },
      () => now,
    )
    expect(ns).toBe(5)
  })
})

describe('what goes on after a verdict', () => {
  it.each([
    ['xdp', 0, 0],
    ['xdp', 1, 0],
    ['xdp', 2, 60],
    ['xdp', 3, 60],
    ['xdp', 4, 60],
    ['xdp', 5, 0],
    ['sched_cls', 0, 60],
    ['sched_cls', 0xffffffff, 60],
    ['sched_cls', 2, 0],
    ['sched_cls', 7, 60],
    ['sched_cls', 8, 0],
    ['socket_filter', 0, 0],
    ['socket_filter', 14, 14],
    ['socket_filter', 0xffffffff, 60],
  ])('%s returning %d keeps %d of 60 bytes', (type, retval, kept) => {
    expect(bytesGoingOn(type, retval, 60)).toBe(kept)
  })
})

describe('printing', () => {
  it('tells only so many names apart', () => {
    const tally = new BoundedTally(2)
    for (const name of ['a', 'b', 'a', 'c', 'd', 'b', 'c', 'a']) tally.add(name)
    expect([...tally.counts]).toEqual([
      ['a', 3],
      ['b', 2],
      [OTHERS, 3],
    ])
  })

  it('bounds lists and counts the rest', () => {
    const list = new BoundedList<number>(3)
    for (let i = 0; i < 10; i++) list.add(i)
    expect([list.items, list.count, list.left, list.wantsMore]).toEqual([[0, 1, 2], 10, 7, false])
  })

  it('writes values, counts and durations as people do', () => {
    expect(formatValue({ packets: 3n, name: 'a', bytes: Uint8Array.of(255), list: [1, { x: true }], none: {} })).toBe(
      '{ packets: 3, name: "a", bytes: ff, list: [1, { x: true }], none: {} }',
    )
    expect([0, 999, 1000, 1234567, -1000].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567', '-1,000'])
    expect([0.5, 41.34, 2071, 12_500_000, 3.2e9].map(formatDuration)).toEqual([
      '0.5 ns',
      '41.3 ns',
      '2.07 µs',
      '12.5 ms',
      '3.2 s',
    ])
    expect(visible('a\x1b[2J\u202e\nb')).toBe('a\\u001b[2J\\u202e\\u000ab')
    expect(formatHexDump(Uint8Array.from({ length: 18 }, (_, i) => 0x41 + i))).toBe(
      '  0000  41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50  ABCDEFGHIJKLMNOP\n' +
        `  0010  ${'51 52'.padEnd(47)}  QR\n`,
    )
    expect(formatHexDump(new Uint8Array(300), 16)).toContain('… and 284 more bytes')
  })

  it('shows progress on a terminal only, not at once, and removes it', () => {
    const written: string[] = []
    const output = (isTTY: boolean) => ({ write: (text: string | Uint8Array) => written.push(String(text)), isTTY })
    const io = (isTTY: boolean) => ({
      stdin: (async function* () {})(),
      stdout: output(false),
      stderr: output(isTTY),
      env: {},
    })
    let now = 0
    const silent = new Progress(io(false), () => now)
    const shown = new Progress(io(true), () => now)
    for (now = 0; now <= 1000; now += 10) {
      silent.update(now * 2, 'packets')
      shown.update(now * 2, 'packets')
    }
    expect(written).toHaveLength(6)
    expect(written[0]).toBe('\r\x1b[K1,000 packets, 2,000 per second')
    shown.clear()
    expect(written.at(-1)).toBe('\r\x1b[K')
    shown.clear()
    expect(written).toHaveLength(7)
  })
})
