/**
 * Programs for the structural checks, from assembler text or bytes, and what the checks say or find out.
 * @module
 */
import { assemble, type Instruction } from '../../../src/isa/index.ts'
import { linux } from '../../../src/spec/index.ts'
import { createEnvironment } from '../../../src/verifier/check-program.ts'
import { decodeForVerifier } from '../../../src/verifier/decode.ts'
import type { Environment } from '../../../src/verifier/environment.ts'
import type { VerifierMap, VerifierProgram, VerifierReference } from '../../../src/verifier/program.ts'
import { Rejection } from '../../../src/verifier/rejection.ts'
import { checkStructure } from '../../../src/verifier/structure/check.ts'

export const PLATFORM = linux('6.18')

export interface Case extends Partial<VerifierProgram> {
  /** `map_by_fd(0)` and `map_value_by_fd(0, …)` are the first. */
  readonly maps?: readonly VerifierMap[]
  readonly author?: 'trusted' | 'untrusted'
}

export function programOf(source: string | readonly Instruction[] | Uint8Array, options: Case = {}): VerifierProgram {
  const { maps, author: _, ...rest } = options
  const decoded =
    source instanceof Uint8Array
      ? decodeForVerifier(source, 'little')
      : { insns: typeof source === 'string' ? assemble(source) : source, invalid: new Map() }
  const references = new Map<number, VerifierReference>(rest.references)
  decoded.insns.forEach((insn, slot) => {
    if (insn.kind !== 'lddw') return
    const map = maps?.[insn.imm]
    if (map === undefined) return
    if (insn.source === 'map_fd') references.set(slot, { kind: 'map', map })
    if (insn.source === 'map_value') references.set(slot, { kind: 'map_value', map, offset: insn.imm2 })
  })
  return { name: 'test', type: 'socket_filter', license: 'GPL', ...decoded, ...rest, references }
}

/** An environment whose structural checks are still to be made. */
export function environmentOf(source: string | readonly Instruction[] | Uint8Array, options: Case = {}): Environment {
  return createEnvironment(programOf(source, options), PLATFORM, { author: options.author ?? 'trusted' })
}

/** An environment after the structural checks. Throws a Rejection. */
export function checked(source: string | readonly Instruction[] | Uint8Array, options: Case = {}): Environment {
  const env = environmentOf(source, options)
  checkStructure(env)
  return env
}

/** The lines of the rejection that `run` ends with, joined by `; `, or `accept`. */
export function verdictOf(run: () => unknown): string {
  try {
    run()
    return 'accept'
  } catch (failure) {
    if (failure instanceof Rejection) return failure.lines.join('; ')
    throw failure
  }
}

export function structural(source: string | readonly Instruction[] | Uint8Array, options: Case = {}): string {
  return verdictOf(() => checked(source, options))
}

/** One encoding slot, little-endian. */
export function slotBytes(opcode: number, dst = 0, src = 0, off = 0, imm = 0): Uint8Array {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, opcode)
  view.setUint8(1, (src << 4) | dst)
  view.setInt16(2, off, true)
  view.setInt32(4, imm, true)
  return bytes
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
