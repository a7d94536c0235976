import { describe, expect, it } from 'vitest'
import { scalarBetween } from '../../../src/verifier/domain/refine.ts'
import { constantOf, UNKNOWN, ZERO } from '../../../src/verifier/domain/scalar.ts'
import { regText } from '../../../src/verifier/report/linux-state.ts'
import { ADD_CONST, pointerReg, Reg, scalarReg } from '../../../src/verifier/state.ts'
import {
  CONST_PTR_TO_MAP,
  MEM_RINGBUF,
  PTR_MAYBE_NULL,
  PTR_TO_CTX,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_STACK,
  SCALAR_VALUE,
} from '../../../src/verifier/types.ts'

const MAP = { name: '', type: 1, keySize: 8, valueSize: 48, maxEntries: 1, flags: 0 }

describe('registers as Linux prints them', () => {
  it.each<[string, Reg]>([
    ['0', scalarReg(ZERO)],
    ['-2', scalarReg(constantOf(-2))],
    ['0x8000', scalarReg(constantOf(32768))],
    ['32767', scalarReg(constantOf(32767))],
    ['0xffffffff80000000', scalarReg(constantOf(-2147483648))],
    ['scalar()', scalarReg(UNKNOWN)],
    ['scalar(id=4)', scalarReg(UNKNOWN).withId(4)],
    ['scalar(id=4+8)', new Reg(SCALAR_VALUE, UNKNOWN, 8, 4 | ADD_CONST, 0, 0, undefined)],
    [
      'scalar(smin=smin32=0,smax=umax=smax32=umax32=10,var_off=(0x0; 0xf))',
      scalarReg(scalarBetween({ umin: 0, umax: 10 })),
    ],
    [
      'scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      scalarReg(scalarBetween({ umin: 0, umax: 0xffffffff })),
    ],
    [
      'scalar(smin=umin=umin32=17,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      scalarReg(scalarBetween({ umin: 17, umax: 0xffffffff })),
    ],
    ['ctx()', pointerReg(PTR_TO_CTX)],
    ['fp-8', pointerReg(PTR_TO_STACK).withOff(-8)],
    ['fp[1]-16', pointerReg(PTR_TO_STACK, 1).withOff(-16)],
    ['map_ptr(ks=8,vs=48)', pointerReg(CONST_PTR_TO_MAP, 0, MAP)],
    ['map_ptr(map=flows,ks=8,vs=48)', pointerReg(CONST_PTR_TO_MAP, 0, { ...MAP, name: 'flows' })],
    ['map_value_or_null(id=1,ks=8,vs=48)', pointerReg(PTR_TO_MAP_VALUE | PTR_MAYBE_NULL, 0, MAP).withId(1)],
    ['map_value(ks=8,vs=48,off=-4)', pointerReg(PTR_TO_MAP_VALUE, 0, MAP).withOff(-4)],
    [
      'map_value(ks=8,vs=48,smin=smin32=0,smax=umax=smax32=umax32=10,var_off=(0x0; 0xf))',
      pointerReg(PTR_TO_MAP_VALUE, 0, MAP).withScalar(scalarBetween({ umin: 0, umax: 10 })),
    ],
    ['pkt(off=8,r=14)', pointerReg(PTR_TO_PACKET, 14).withOff(8)],
    ['pkt(off=8,r=0xfffffffffffffffe)', pointerReg(PTR_TO_PACKET, -2).withOff(8)],
    ['ringbuf_mem(ref_obj_id=4,sz=0x11170)', pointerReg(PTR_TO_MEM | MEM_RINGBUF, 70000).withRef(4)],
  ])('%s', (text, reg) => {
    expect(regText(reg, 0)).toBe(text)
  })

  it('marks a scalar whose exact value matters', () => {
    expect(regText(scalarReg(constantOf(1)), 0, true)).toBe('P1')
    expect(regText(scalarReg(UNKNOWN), 0, true)).toBe('Pscalar()')
    expect(regText(pointerReg(PTR_TO_CTX), 0, true)).toBe('ctx()')
  })
})
