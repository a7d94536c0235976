/** Which type a ring buffer's records have: declared, or the one structure of that size that is named like a record. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createEventCodecs } from '../../src/maps/index.ts'
import { parseObject } from '../../src/object/index.ts'

const { btf } = parseObject(readFileSync('examples/xdp-firewall/firewall.el.o'))
const address = btf!.find('address', 'struct')!.id

describe('codecs of records', () => {
  it('find the structure of the size of a record, by a name that ends in event', () => {
    const codecs = createEventCodecs('events', btf, undefined)
    expect(codecs(24)?.decode(new Uint8Array(24))).toEqual({ time: 0n, source: 0, reason: 'REASON_PASSED', length: 0 })
  })

  it('leave records of other sizes as bytes: struct counter has 16, and is not named like a record', () => {
    const codecs = createEventCodecs('events', btf, undefined)
    expect(codecs(16)).toBeUndefined()
    expect(codecs(23)).toBeUndefined()
  })

  it('take the declared type for records that are long enough, and search no further', () => {
    const codecs = createEventCodecs('events', btf, address)
    expect(codecs(4)?.decode(Uint8Array.of(1, 0, 0, 0))).toEqual({ addr: 1 })
    expect(codecs(24)?.decode(new Uint8Array(24))).toEqual({ addr: 0 })
    expect(codecs(3)).toBeUndefined()
  })

  it('know nothing without types', () => {
    expect(createEventCodecs('events', undefined, undefined)(24)).toBeUndefined()
  })
})
