/** Builders fill in what follows from the nesting, keep what is given, and refuse what does not fit. */
import { describe, expect, it } from 'vitest'
import { arp, dissect, ethernet, icmp, icmpv6, ipv4, ipv6, Layer, tcp, udp, vlan } from '../../src/net/index.ts'
import { bytesToHex, hexToBytes } from '../../src/util/index.ts'

describe('bytes', () => {
  it('builds the example of the design: 54 bytes of Ethernet, IPv4 and TCP', () => {
    const frame = ethernet(ipv4({ src: '10.0.0.1' }, tcp({ dport: 22 })))
    expect(bytesToHex(frame)).toBe(
      '020000000002020000000001' +
        '0800' +
        '4500002800000000400' +
        '6aecd0a000001c0000202' +
        'c00000160000000000000000' +
        '5002ffff23c90000',
    )
  })
  it('builds ARP as RFC 826 lays it out', () => {
    const frame = ethernet(
      { dst: 'ff:ff:ff:ff:ff:ff', src: '02:00:00:00:00:07' },
      arp({ senderMac: '02:00:00:00:00:07', senderIp: '10.0.0.7', targetIp: '10.0.0.1' }),
    )
    expect(bytesToHex(frame)).toBe(
      'ffffffffffff0200000000070806' + '0001080006040001' + '0200000000070a000007' + '0000000000000a000001',
    )
  })
  it('nests VLAN tags, the outer one naming itself in Ethernet', () => {
    const frame = ethernet(vlan({ tpid: 0x88a8, id: 100, priority: 5 }, vlan({ id: 20, dropEligible: true }, ipv4())))
    expect(bytesToHex(frame.subarray(12, 22))).toBe('88a8a064810010140800')
  })
  it('chains IPv6 extension headers', () => {
    const extensions = [
      { type: 0, bytes: hexToBytes('ff00 0104 0000 0000') },
      { type: 60, bytes: hexToBytes('ff00 0104 0000 0000') },
    ]
    const packet = ipv6({ extensions }, udp('x')).bytes
    expect([packet[6], packet[40], packet[48]]).toEqual([0, 60, 17])
    expect((packet[4]! << 8) | packet[5]!).toBe(16 + 9)
  })
  it('computes a checksum to the last destination of a routing header (RFC 8200, section 8.1)', () => {
    const bytes = hexToBytes(`ff02 0401 0000 0000 ${'20010db8000000000000000000000099'}`)
    const direct = ipv6({ dst: '2001:db8::99' }, icmpv6()).bytes
    const routed = ipv6({ dst: '2001:db8::50', extensions: [{ type: 43, bytes }] }, icmpv6()).bytes
    expect(bytesToHex(routed.subarray(64))).toBe(bytesToHex(direct.subarray(40)))
    expect(dissect(routed, { linkType: 101 }).layers[1]).toMatchObject({ kind: 'icmpv6', checksumOk: true })
  })
  it('sends a UDP checksum of zero as ffff, and none when told so', () => {
    // The payload is chosen so that the sum is all ones.
    const probe = ipv4(udp(Uint8Array.of(0, 0))).bytes
    const checksum = probe.subarray(26, 28)
    const zero = ipv4(udp(checksum.slice())).bytes
    expect(bytesToHex(zero.subarray(26, 28))).toBe('ffff')
    expect(dissect(zero, { linkType: 101 }).layers[1]).toMatchObject({ checksumOk: true })
    const none = ipv4(udp({ checksum: 0 }, 'data')).bytes
    expect(bytesToHex(none.subarray(26, 28))).toBe('0000')
    expect(dissect(none, { linkType: 101 }).layers[1]).toMatchObject({ checksumOk: undefined })
  })
  it('takes layers of other protocols', () => {
    const gre = new Layer({ name: 'gre', protocol: 47, encode: () => hexToBytes('0000 0800') })
    expect(ipv4(gre).bytes[9]).toBe(47)
  })
  it('keeps what is given, however wrong', () => {
    const packet = ipv4({ headerLength: 60, totalLength: 9, checksum: 0x1234, protocol: 200 }, 'abc').bytes
    expect(bytesToHex(packet.subarray(0, 12))).toBe('4f000009000000004' + '0c81234')
  })
  it('has no pseudo header outside IP', () => {
    expect(bytesToHex(tcp().bytes.subarray(16, 18))).toBe('0000')
  })
})

describe('refusals', () => {
  it.each([
    ['a port of 17 bits', () => tcp({ sport: 65536 })],
    ['a negative port', () => udp({ dport: -1 })],
    ['a fraction', () => ipv4({ ttl: 1.5 })],
    ['NaN', () => ipv4({ id: Number.NaN })],
    ['a VLAN id of 13 bits', () => vlan({ id: 4096 })],
    ['a fragment offset that is no multiple of 8', () => ipv4({ fragmentOffset: 12 })],
    ['a header length that is no multiple of 4', () => tcp({ headerLength: 21 })],
    ['an address of the other version', () => ipv6({ src: '10.0.0.1' })],
    ['an address of the wrong length', () => ethernet({ src: new Uint8Array(5) })],
    ['more than 40 bytes of options', () => ipv4({ options: [{ type: 7, data: new Uint8Array(39) }] })],
    ['option 0, which ends the list', () => ipv4({ options: [{ type: 0, data: new Uint8Array(0) }] })],
    ['a packet longer than 65535 bytes', () => ipv4(new Uint8Array(65516)).bytes],
    ['an extension header whose length is wrong', () => ipv6({ extensions: [{ type: 0, bytes: new Uint8Array(16) }] })],
    ['an extension header that is too short', () => ipv6({ extensions: [{ type: 44, bytes: new Uint8Array(4) }] })],
    ['TCP directly in Ethernet', () => ethernet(tcp())],
    ['ARP in IPv4', () => ipv4(arp())],
    ['a TCP flag that does not exist', () => tcp({ flags: ['sin' as 'syn'] })],
    ['payload before fields', () => (icmp as (...all: unknown[]) => Layer)('x', {})],
  ])('%s', (_, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_PACKET' }))
  })
})
