/**
 * The numbered statements of `docs/isa.md`, each with its cases from `statements.ts`, and that neither has an id that the
 * other lacks.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  assemble,
  conformanceGroups,
  decodeProgram,
  disassemble,
  encodeProgram,
  INSTRUCTION_GROUPS,
  INSTRUCTION_TABLE,
  validateProgram,
} from '../../src/isa/index.ts'
import { assertNever, bytesToHex, hexToBytes } from '../../src/util/index.ts'
import type { BpfFault, PacketSource } from '../../src/vm/index.ts'
import { executeRawOnAll } from '../support/both-engines.ts'
import { type FaultCase, type RunCase, STATEMENTS, type StatementCase } from './statements.ts'

const DOCUMENT = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'isa.md'), 'utf8')

/** The statements of the document: id and text, in its order. */
const documented = [...DOCUMENT.matchAll(/^\*\*(S\d+)\.\*\* ([\s\S]*?)\n\n/gm)].map((match) => ({
  id: match[1]!,
  text: match[2]!.replaceAll('\n', ' '),
}))

describe('the document', () => {
  it('numbers its statements in order', () => {
    expect(documented.map((statement) => statement.id)).toEqual(documented.map((_, i) => `S${i + 1}`))
    expect(DOCUMENT.match(/\*\*S\d+\.\*\*/g)).toHaveLength(documented.length)
  })

  it('has a test for each statement, and no test is without one', () => {
    expect(Object.keys(STATEMENTS).sort()).toEqual(documented.map((statement) => statement.id).sort())
    for (const cases of Object.values(STATEMENTS)) expect(cases.length).toBeGreaterThan(0)
  })
})

describe.each(documented)('$id: $text', ({ id }) => {
  it.each((STATEMENTS[id] ?? []).map((c) => [title(c), c] as const))('%s', (_, c) => check(c))
})

describe('S12, for the whole table: every row', () => {
  it('is in a group that exists, and every group has rows', () => {
    const names = INSTRUCTION_GROUPS.map((group) => group.name)
    for (const row of INSTRUCTION_TABLE) expect(names).toContain(row.group)
    for (const name of names)
      expect(
        INSTRUCTION_TABLE.some((row) => row.group === name),
        name,
      ).toBe(true)
    for (const group of INSTRUCTION_GROUPS) for (const other of group.includes) expect(names).toContain(other)
  })
})

function title(c: StatementCase): string {
  switch (c.kind) {
    case 'run':
      return `${shorten(c.program)} gives 0x${c.r0.toString(16)}${c.after === undefined ? '' : ` and ${c.after}`}`
    case 'fault':
      return `${shorten(c.program)} is a fault: ${c.fault}`
    case 'decode':
      return `${c.bytes} (${c.order}) is ${c.text}`
    case 'refuse':
      return `${c.bytes} (${c.order}) is refused`
    case 'problem':
      return `${c.bytes} is no program`
    case 'groups':
      return `${c.program} needs ${c.groups.join(', ')}`
    default:
      return assertNever(c)
  }
}

const shorten = (text: string): string => (text.length > 120 ? `${text.slice(0, 120)}…` : text)

function check(c: StatementCase): void {
  switch (c.kind) {
    case 'run': {
      const result = execute(c)
      expect(`0x${result.r0.toString(16)}`).toBe(`0x${c.r0.toString(16)}`)
      if (c.after !== undefined) expect(bytesToHex(result.memory)).toBe(c.after)
      return
    }
    case 'fault': {
      let thrown: unknown
      try {
        execute(c)
      } catch (error) {
        thrown = error
      }
      expect((thrown as BpfFault | undefined)?.kind, String(thrown)).toBe(c.fault)
      return
    }
    case 'decode': {
      const bytes = hexToBytes(c.bytes)
      const insns = decodeProgram(bytes, c.order)
      expect(
        disassemble(insns)
          .map((line) => line.text)
          .join('; '),
      ).toBe(c.text)
      expect(assemble(c.text)).toEqual(insns)
      expect(bytesToHex(encodeProgram(insns, c.order))).toBe(bytesToHex(hexToBytes(c.encoded ?? c.bytes)))
      return
    }
    case 'refuse':
      expect(() => decodeProgram(hexToBytes(c.bytes), c.order)).toThrow(expect.objectContaining({ code: 'ERR_DECODE' }))
      return
    case 'problem':
      expect(validateProgram(decodeProgram(hexToBytes(c.bytes), 'little'))).toHaveLength(1)
      return
    case 'groups':
      expect([...conformanceGroups(assemble(c.program))].sort()).toEqual([...c.groups].sort())
      return
    default:
      assertNever(c)
  }
}

/** Every access is checked: a statement shall not hold by accident. */
function execute(c: RunCase | FaultCase): { r0: bigint; memory: Uint8Array } {
  const packet = c.kind === 'run' && c.packet !== undefined ? hexToBytes(c.packet) : undefined
  return executeRawOnAll(assemble(c.program), hexToBytes(c.memory ?? ''), {
    checked: true,
    ...(packet === undefined ? {} : { context: packetSource(packet) }),
    ...(c.indirectTargets === undefined ? {} : { indirectTargets: c.indirectTargets }),
  })
}

function packetSource(packet: Uint8Array): PacketSource {
  return {
    loadPacket(offset, size) {
      if (offset < 0 || offset + size > packet.length) return -1
      return packet.subarray(offset, offset + size).reduce((value, byte) => value * 256 + byte, 0)
    },
  }
}
