/** Addresses are read in every form that the RFCs allow, written in one, and anything else is refused. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatIpv4, formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac } from '../../src/net/index.ts'
import { runs, SEED } from '../support/runs.ts'

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

describe('MAC addresses', () => {
  it('reads colons and dashes, and writes lower case with colons', () => {
    expect([...parseMac('02:aB:00:00:00:fF')]).toEqual([2, 0xab, 0, 0, 0, 0xff])
    expect(formatMac(parseMac('02-AB-00-00-00-FF'))).toBe('02:ab:00:00:00:ff')
  })
  it.each(['', '02:00:00:00:00', '02:00:00:00:00:00:00', '2:0:0:0:0:0', '02:00-00:00:00:00', 'zz:00:00:00:00:00'])(
    'refuses %j',
    (text) => expect(() => parseMac(text)).toThrow(expect.objectContaining({ code: 'ERR_PACKET' })),
  )
})

describe('IPv4 addresses', () => {
  it('reads back what it writes', () => {
    fc.assert(
      fc.property(bytesOf(4), (bytes) => {
        expect(parseIpv4(formatIpv4(bytes))).toEqual(bytes)
      }),
      { seed: SEED, numRuns: runs(2000) },
    )
  })
  it.each(['', '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.4 ', '1.2.3.-4', '0x1.2.3.4'])(
    'refuses %j',
    (text) => expect(() => parseIpv4(text)).toThrow(expect.objectContaining({ code: 'ERR_PACKET' })),
  )
})

describe('IPv6 addresses', () => {
  // Left: what RFC 5952 and RFC 4291 use as examples; right: the form of RFC 5952, section 4.
  it.each([
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:DB8:AAAA:bbbb:cccc:dddd:EEEE:1', '2001:db8:aaaa:bbbb:cccc:dddd:eeee:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['0:0:0:0:0:FFFF:129.144.52.38', '::ffff:129.144.52.38'],
    ['::13.1.68.3', '::d01:4403'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('reads %s and writes %s', (text, canonical) => {
    expect(formatIpv6(parseIpv6(text))).toBe(canonical)
  })
  it.each([
    '',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    '12345::',
    ':1',
    '1:',
    'g::',
    'fe80::1%eth0',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '::1.2.3.256',
    '1:2:3:4:5:6:7:1.2.3.4',
  ])('refuses %j', (text) => expect(() => parseIpv6(text)).toThrow(expect.objectContaining({ code: 'ERR_PACKET' })))
  it('reads back what it writes, with zeros in all places', () => {
    const group = fc.oneof(fc.constant(0), fc.nat(0xffff))
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const bytes = Uint8Array.from(groups.flatMap((value) => [value >> 8, value & 0xff]))
        const text = formatIpv6(bytes)
        expect(parseIpv6(text)).toEqual(bytes)
        // The platform's own URL parser is a second opinion, except that it knows no dotted decimal.
        if (!text.includes('.'))
          expect(new URL(`http://[${groups.map((g) => g.toString(16)).join(':')}]/`).hostname).toBe(`[${text}]`)
      }),
      { seed: SEED, numRuns: runs(5000) },
    )
  })
})
