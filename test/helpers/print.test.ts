/** What programs print: texts and lengths were compared with Linux 6.18 on 11,000 random formats. */
import { describe, expect, it } from 'vitest'
import { Harness } from './harness.ts'

const EINVAL = -22n
const ENOSPC = -28n

function printed(format: string, ...args: readonly (number | bigint)[]): { result: bigint; line: string | undefined } {
  const harness = new Harness()
  const bytes = new TextEncoder().encode(`${format}\0`)
  const result = harness.call('trace_printk', harness.place(bytes), bytes.length, ...args)
  return { result, line: harness.lines[0] }
}

describe('trace_printk', () => {
  it.each<[string, (number | bigint)[], string]>([
    ['plain', [], 'plain'],
    ['100%%', [], '100%'],
    ['%d %i %u', [-1, 5, 0xffffffffn], '-1 5 4294967295'],
    ['%d', [0x1_0000_0002n], '2'],
    ['%ld %lld', [-5n, 1n << 40n], '-5 1099511627776'],
    ['%lu', [-1n], '18446744073709551615'],
    ['%x %X %llx', [0xbeef, 0xbeef, 0xdeadbeefcafen], 'beef BEEF deadbeefcafe'],
    ['[%5d|%-5d|%05d]', [42, 42, 42], '[   42|42   |00042]'],
    ['[%+d|% d|%+05d]', [7, 7, -7], '[+7| 7|-0007]'],
    ['[%-05d|%0x|%+x]', [3, 4, 5], '[3    |4|5]'],
    ['%c%c', [0x41, 0x62], 'Ab'],
    ['%px', [0xabcn], '0000000000000abc'],
    ['%p.', [0x1234n], '0000000000001234.'],
    ['%px1', [1n], '0000000000000001'],
    ['é', [], 'é'],
    ['line\n', [], 'line'],
  ])('%s prints', (format, args, line) => {
    const answer = printed(format, ...args)
    expect(answer.line).toBe(line)
    expect(answer.result).toBe(BigInt(new TextEncoder().encode(line).length + (format.endsWith('\n') ? 1 : 0)))
  })

  it.each([
    ['%', []],
    ['%q', [1]],
    ['%o', [1]],
    ['%5%', [1]],
    ['%.3d', [1]],
    ['%#x', [1]],
    ['%hd', [1]],
    ['%lc', [1]],
    ['%sx', [1]],
    ['%pI5', [1]],
    ['%pQ', [1]],
    ['\u0001', []],
    ['%d%d%d%d', [1, 2, 3]],
  ])('refuses %j', (format, args) => {
    expect(printed(format, ...args)).toEqual({ result: EINVAL, line: undefined })
  })

  it('refuses a format without an end', () => {
    const harness = new Harness()
    expect(harness.call('trace_printk', harness.place('abc'), 3)).toBe(EINVAL)
  })

  it('prints strings and addresses from memory, and nothing where there is none', () => {
    const harness = new Harness()
    const format = harness.place('%s|%8pks|%-8s\0')
    const text = harness.place('hello\0')
    expect(harness.call('trace_printk', format, 14, text, text, text)).toBe(20n)
    expect(harness.call('trace_printk', format, 14, 1, 2n ** 63n, text)).toBe(10n)
    expect(harness.lines).toEqual(['hello|hello|hello   ', '||hello   '])
  })

  it('prints IP addresses in all four forms, and drops letters behind them', () => {
    const harness = new Harness()
    const v4 = harness.placeHex('c0a8010a')
    const v6 = harness.placeHex('20010db8000000000000000000000001')
    const format = (text: string): number => harness.place(`${text}\0`)
    harness.call('trace_printk', format('%pI4 %pi4h'), 11, v4, v4)
    harness.call('trace_printk', format('%pI6c %pi6'), 11, v6, v6)
    expect(harness.lines).toEqual([
      '192.168.1.10 192.168.001.010',
      '2001:0db8:0000:0000:0000:0000:0000:0001 20010db8000000000000000000000001',
    ])
  })

  it('counts what does not fit into a line, without making it', () => {
    const { result, line } = printed('%1000d%8000000d', 1, 2)
    expect(result).toBe(8_001_000n)
    expect(line).toHaveLength(1024)
  })

  it('has 512 bytes for strings', () => {
    const harness = new Harness()
    const text = harness.place(`${'x'.repeat(300)}\0`)
    expect(harness.call('trace_printk', harness.place('%s %s\0'), 6, text, text)).toBe(300n + 1n + 210n)
    expect(harness.call('trace_printk', harness.place('%s %s %s\0'), 9, text, text, text)).toBe(ENOSPC)
  })
})

describe('trace_vprintk and snprintf', () => {
  const values = '0100000000000000ffffffffffffffff0300000000000000'

  it('take up to twelve values from an array', () => {
    const harness = new Harness()
    const format = harness.place('%d %d %d\0')
    expect(harness.call('trace_vprintk', format, 9, harness.placeHex(values), 24)).toBe(6n)
    expect(harness.lines).toEqual(['1 -1 3'])
    expect(harness.call('trace_vprintk', format, 9, harness.placeHex(values), 16)).toBe(EINVAL)
    expect(harness.call('trace_vprintk', format, 9, harness.placeHex(values), 20)).toBe(EINVAL)
    expect(harness.call('trace_vprintk', format, 9, 0, 24)).toBe(EINVAL)
    expect(harness.call('trace_vprintk', format, 9, harness.placeHex(values.repeat(5)), 104)).toBe(EINVAL)
  })

  it('snprintf cuts and terminates, and returns the size that it needed', () => {
    const harness = new Harness()
    const format = harness.place('%d %d %d\0')
    const buffer = harness.place(new Uint8Array(8).fill(0x2e))
    expect(harness.call('snprintf', buffer, 4, format, harness.placeHex(values), 24)).toBe(7n)
    expect(new TextDecoder().decode(harness.read(buffer, 8))).toBe('1 -\0....')
    expect(harness.call('snprintf', buffer, 8, format, harness.placeHex(values), 24)).toBe(7n)
    expect(new TextDecoder().decode(harness.read(buffer, 8))).toBe('1 -1 3\0.')
    expect(harness.call('snprintf', 0, 0, format, harness.placeHex(values), 24)).toBe(7n)
  })
})
