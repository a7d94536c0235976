/**
 * Suite `facts`: what a 6.18 kernel allows to each program and attach type, found by loading one program for each
 * question: loads and stores of the context at every offset and size, calls of all helpers, constants as results. The
 * same programs are put to the verifier here.
 *
 * Of helpers that the kernel lacks because of its configuration, `measured-kernel.ts` tells the reasons.
 * Option: `--only=TEXT` (part of the name of a program type: for looking into, changes M).
 * @module
 */
import { readFileSync } from 'node:fs'
import { linuxAttachType } from '../../src/spec/attach-types.ts'
import { LINUX_HELPERS } from '../../src/spec/index.ts'
import { decodeForVerifier } from '../../src/verifier/decode.ts'
import type { Report } from '../../src/verifier/report/report.ts'
import { verify } from '../../src/verifier/verify.ts'
import { type AccessFacts, accessCases } from './facts-accesses.ts'
import type { ScoreCase, ScoreOptions, ScoreResult } from './main.ts'
import { MEASURED_KERNEL, WITHHELD_HELPERS } from './measured-kernel.ts'

interface Facts extends AccessFacts {
  readonly type: number
  readonly attach: number
  /** Constants in r0 that were accepted at exit, and refused. */
  readonly returns: readonly number[]
  readonly refused_returns: readonly number[]
  /** Helpers that may be called. */
  readonly helpers: readonly number[]
}

interface Question {
  readonly name: string
  readonly expected: boolean
  readonly actual: boolean
  readonly note?: string
}

const CALL = 0x85
const EXIT = 0x95
const MOV_IMM = 0xb7
const LOAD: Readonly<Record<number, number>> = { 1: 0x71, 2: 0x69, 4: 0x61, 8: 0x79 }
const STORE: Readonly<Record<number, number>> = { 1: 0x73, 2: 0x6b, 4: 0x63, 8: 0x7b }

function slot(opcode: number, fields: { dst?: number; src?: number; offset?: number; imm?: number } = {}): Uint8Array {
  const { dst = 0, src = 0, offset = 0, imm = 0 } = fields
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, opcode)
  view.setUint8(1, dst | (src << 4))
  view.setInt16(2, offset, true)
  view.setInt32(4, imm, true)
  return bytes
}

/** A result that every program type may give. */
const END = [slot(MOV_IMM, { imm: 1 }), slot(EXIT)]

/** Loads programs of one program and attach type. */
function loader(type: string, attachType: string | undefined): (slots: readonly Uint8Array[]) => Report {
  return (slots) => {
    const { insns, invalid } = decodeForVerifier(Buffer.concat(slots), 'little')
    const program = {
      name: 'fact',
      type,
      license: 'GPL',
      insns,
      invalid,
      // The kernel refuses any other program of this type.
      sleepable: type === 'syscall',
      ...(attachType !== undefined && { attachType }),
    }
    return verify(program, MEASURED_KERNEL, { author: 'trusted', explain: false })
  }
}

type Load = ReturnType<typeof loader>

function accesses(load: Load, facts: AccessFacts): Iterable<Question> {
  return accessCases((offset, size, write) => {
    const access = write
      ? [slot(MOV_IMM, { dst: 2 }), slot(STORE[size]!, { dst: 1, src: 2, offset })]
      : [slot(LOAD[size]!, { dst: 2, src: 1, offset })]
    return load([...access, ...END]).verdict === 'accept'
  }, facts)
}

/** The arguments are missing: the question is whether that is what the call fails for. */
function* helpers(load: Load, facts: Facts): Generator<Question> {
  const allowed = new Set(facts.helpers)
  for (const { id, name } of LINUX_HELPERS.values()) {
    const { error } = load([slot(CALL, { imm: id }), ...END])
    const reason = WITHHELD_HELPERS[name]
    yield {
      name: `helper ${name}`,
      expected: allowed.has(id),
      actual: error === undefined || !/cannot use helper|invalid func/.test(error.message),
      ...(reason !== undefined && { note: `that kernel: ${reason}` }),
    }
  }
}

function* returns(load: Load, facts: Facts): Generator<Question> {
  const accepted = new Set(facts.returns)
  for (const imm of [...facts.returns, ...facts.refused_returns]) {
    yield {
      name: `return ${imm}`,
      expected: accepted.has(imm),
      actual: load([slot(MOV_IMM, { imm }), slot(EXIT)]).verdict === 'accept',
    }
  }
}

function* questions(name: string, facts: Facts): Generator<Question> {
  const type = name.split('/')[0]!.toLowerCase()
  const load = loader(type, linuxAttachType(type, facts.attach))
  yield* accesses(load, facts)
  yield* helpers(load, facts)
  yield* returns(load, facts)
}

const answer = (allowed: boolean): string => (allowed ? 'allowed' : 'refused')

export async function score(path: string, options: ScoreOptions): Promise<ScoreResult> {
  const { types } = JSON.parse(readFileSync(path, 'utf8')) as { types: Readonly<Record<string, Facts>> }
  const only = typeof options['only'] === 'string' ? options['only'] : ''
  const cases: ScoreCase[] = []
  for (const [type, facts] of Object.entries(types)) {
    if (!type.includes(only)) continue
    for (const { name, expected, actual, note } of questions(type, facts)) {
      cases.push({
        id: `${type} ${name}`,
        expected: answer(expected),
        actual: answer(actual),
        agree: actual === expected,
        ...(note !== undefined && { note }),
      })
    }
  }
  return { cases }
}
