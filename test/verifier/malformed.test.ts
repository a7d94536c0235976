/** Whatever is handed to `verify`: a report or an AnybpfError, never an error of JavaScript. */
import { describe, expect, it } from 'vitest'
import { Btf, type BtfType } from '../../src/btf/index.ts'
import type { Instruction } from '../../src/isa/index.ts'
import { VerifyInput } from '../../src/loader/verify-input.ts'
import { parseObject } from '../../src/object/index.ts'
import { linux } from '../../src/spec/index.ts'
import { AnybpfError, SeededRandom } from '../../src/util/index.ts'
import type { VerifierMap, VerifierProgram, VerifierReference, VerifyOptions } from '../../src/verifier/program.ts'
import { verify } from '../../src/verifier/verify.ts'
import { OBJECT_NAMES, readObject } from '../support/objects.ts'
import { runs, SEED } from '../support/runs.ts'

const PLATFORM = linux('6.18')

const EXIT: Instruction = { kind: 'exit' }
const ZERO: Instruction = { kind: 'alu', op: 'mov', width: 64, dst: 0, src: { imm: 0 } }
const SMALL: VerifierProgram = { name: 'small', type: 'socket_filter', license: 'GPL', insns: [ZERO, EXIT] }

/** What was thrown, as `CODE: message`; `accept` or a rejection's code if nothing was. */
function judge(program: VerifierProgram, options: VerifyOptions = {}): string {
  try {
    const { error } = verify(program, PLATFORM, options)
    return error?.code ?? 'accept'
  } catch (error) {
    if (!(error instanceof AnybpfError)) throw error
    return `${error.code}: ${error.message}`
  }
}

describe('options', () => {
  it.each([
    ['insnLimit', Number.NaN, 'NaN is not a whole number'],
    ['insnLimit', -1, '-1 is not a whole number'],
    ['timeLimit', 1.5, '1.5 is not a whole number'],
    ['timeLimit', '10', '"10" is not a whole number'],
    ['stateLimit', Number.POSITIVE_INFINITY, 'Infinity is not a whole number'],
    ['author', 'root', '"root" is none of trusted, untrusted'],
    ['alignment', 'loose', '"loose" is none of strict, any'],
    ['logLevel', 3, '3 is none of 0, 1, 2, 4'],
    ['explain', 'no', '"no" is no boolean'],
  ])('%s: %s makes no sense', (name, value, says) => {
    expect(judge(SMALL, { [name]: value })).toContain(`ERR_USAGE: option ${name}: ${says}`)
  })

  it('that make sense are taken', () => {
    const options = {
      insnLimit: 2,
      timeLimit: 60_000,
      stateLimit: 9,
      author: 'untrusted',
      alignment: 'strict',
    } as const
    expect(judge(SMALL, { ...options, logLevel: 4, explain: false })).toBe('accept')
    expect(judge(SMALL, { insnLimit: 1 })).toBe('too_many_instructions')
  })
})

describe('a program', () => {
  const holes: Instruction[] = [ZERO, EXIT]
  holes.length = 4
  holes[3] = EXIT

  it.each<[string, object, string]>([
    ['with holes', { insns: holes }, 'insn 2 is missing'],
    ['without instructions', { insns: undefined }, 'insns is undefined'],
    ['of what is no instruction', { insns: [{ kind: 'jmp' }, EXIT] }, 'insn 0 ("jmp") is not an instruction'],
    ['with a register of no name', { insns: [{ ...ZERO, dst: 1.5 }, EXIT] }, 'insn 0 ("alu")'],
    ['with an operand of nothing', { insns: [{ ...ZERO, src: undefined }, EXIT] }, 'insn 0 ("alu")'],
    ['with a reference to nothing', { references: new Map([[0, {}]]) }, 'what insn 0 refers to is neither'],
    ['with a map of nothing', { references: new Map([[0, { kind: 'map', map: { name: 'm' } }]]) }, 'map "m": type'],
    ['without a licence', { license: undefined }, 'license is undefined'],
  ])('%s is no program', (_, wrong, says) => {
    const said = judge({ ...SMALL, ...wrong } as VerifierProgram)
    expect(said).toMatch(/^ERR_USAGE: /)
    expect(said).toContain(says)
  })

  it('with registers that do not exist is rejected', () => {
    expect(judge({ ...SMALL, insns: [{ ...ZERO, dst: 12 } as Instruction, EXIT] })).toBe('invalid_register')
  })

  it('with a map whose value contains itself is no program', () => {
    const types = [
      { kind: 'void', id: 0, name: '' },
      {
        kind: 'struct',
        id: 1,
        name: 'endless',
        size: 8,
        kindFlag: false,
        members: [{ name: 'again', type: 1, bitOffset: 0, bitSize: 0 }],
      },
    ] as BtfType[]
    const btf = new Btf(types, { byteOrder: 'little' })
    const map: VerifierMap = {
      name: 'm',
      type: 2,
      keySize: 4,
      valueSize: 8,
      maxEntries: 1,
      flags: 0,
      btf,
      btfValueType: 1,
    }
    const references = new Map<number, VerifierReference>([[0, { kind: 'map', map }]])
    expect(judge({ ...SMALL, references })).toContain('ERR_BTF: BTF type 1 (struct "endless"): it contains itself')
  })
})

const ODD = [
  -1,
  0,
  1,
  2,
  7,
  10,
  11,
  31,
  255,
  0x7fffffff,
  0x80000000,
  2 ** 40,
  1.5,
  Number.NaN,
  undefined,
  null,
  '',
  'map_fd',
  true,
  {},
  [],
]

/** A copy of plain data with one field somewhere changed. */
function changed<T>(value: T, random: SeededRandom, depth = 0): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || depth > 3)
    return odd(value, random) as T
  if (Array.isArray(value)) {
    const copy = value.slice()
    if (copy.length > 0) {
      const at = random.below(copy.length)
      copy[at] = changed(copy[at], random, depth + 1)
    }
    return copy as T
  }
  const copy = { ...value } as Record<string, unknown>
  const names = Object.keys(copy)
  if (names.length > 0) {
    const name = random.pick(names)
    copy[name] = changed(copy[name], random, depth + 1)
  }
  return copy as T
}

/** Mostly near by, so that it is not found at the door. */
function odd(value: unknown, random: SeededRandom): unknown {
  if (typeof value === 'number' && random.below(4) > 0) return Math.max(0, value + random.between(-3, 3))
  return random.pick(ODD)
}

function changedBtf(btf: Btf, random: SeededRandom): Btf {
  const types = btf.types.slice()
  for (let change = random.between(1, 4); change > 0; change--) {
    const id = random.below(types.length)
    if (random.below(3) > 0) types[id] = changed(types[id]!, random)
    // One type in another's place: of a kind that nobody expects there.
    else types[id] = { ...random.pick(types), id }
  }
  return new Btf(types, { byteOrder: btf.byteOrder })
}

function changedReference(reference: VerifierReference, random: SeededRandom): VerifierReference {
  if (!('map' in reference)) return changed(reference, random)
  const { map } = reference
  const { btf, inner, contents, ...plain } = map
  const other: VerifierMap = {
    ...changed(plain, random),
    ...(btf !== undefined && { btf: random.below(2) === 0 ? btf : changedBtf(btf, random) }),
    ...(inner !== undefined && { inner }),
    ...(contents !== undefined && { contents }),
  }
  return { ...reference, map: other }
}

describe('objects that were changed at random', () => {
  const programs: VerifierProgram[] = []
  for (const name of OBJECT_NAMES) {
    const spec = parseObject(readObject(name, 'el'))
    const input = new VerifyInput(spec, PLATFORM)
    for (const program of Object.values(spec.programs)) programs.push(input.program(program))
  }

  it('are judged or refused', { timeout: 600_000 }, () => {
    const random = new SeededRandom(SEED)
    const said = new Map<string, number>()
    for (let run = 0; run < runs(20_000); run++) {
      const good = random.pick(programs)
      let bad: VerifierProgram = good
      const options: VerifyOptions = {
        insnLimit: 2000,
        explain: random.below(4) === 0,
        author: random.pick(['trusted', 'untrusted']),
      }
      if (random.below(2) === 0) {
        const insns = good.insns.slice()
        for (let change = random.between(1, 3); change > 0; change--) {
          const at = random.below(insns.length)
          if (random.below(50) === 0) delete insns[at]
          else insns[at] = random.below(3) === 0 ? random.pick(good.insns) : changed(good.insns[at]!, random)
        }
        bad = { ...bad, insns }
      }
      if (good.btf !== undefined && random.below(2) === 0) bad = { ...bad, btf: changedBtf(good.btf, random) }
      if (random.below(4) === 0 && good.functions !== undefined)
        bad = { ...bad, functions: changed(good.functions, random) }
      if (random.below(4) === 0 && good.lines !== undefined) bad = { ...bad, lines: changed(good.lines, random) }
      if (good.references !== undefined && random.below(2) === 0) {
        const references = new Map(good.references)
        for (const [slot, one] of good.references) references.set(slot, changedReference(one, random))
        bad = { ...bad, references }
      }
      const verdict = judge(bad, options)
      expect(verdict, `run ${run}`).not.toMatch(/^ERR_INTERNAL/)
      const code = verdict.split(':')[0]!
      said.set(code, (said.get(code) ?? 0) + 1)
    }
    // Not all are found at the door, and not all are good.
    expect(said.get('accept')).toBeGreaterThan(runs(20_000) / 50)
    expect(said.get('ERR_USAGE')).toBeGreaterThan(runs(20_000) / 100)
    expect(said.get('ERR_BTF')).toBeGreaterThan(runs(20_000) / 100)
    expect(said.size).toBeGreaterThan(10)
  })
})
