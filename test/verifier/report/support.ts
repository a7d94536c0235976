/**
 * Programs in assembler text, verified and logged.
 */
import { assembleFor } from '../../../src/cli/assembler.ts'
import { linux, type Platform } from '../../../src/spec/index.ts'
import { type Report, type VerifierProgram, type VerifyOptions, verify } from '../../../src/verifier/index.ts'

export const PLATFORM: Platform = linux('6.18')

export function programOf(source: string, more: Partial<VerifierProgram> = {}): VerifierProgram {
  const insns = assembleFor(PLATFORM, source)
  return { name: 'program', type: 'socket_filter', license: 'GPL', insns, ...more }
}

export function judge(source: string, options: VerifyOptions = {}, more: Partial<VerifierProgram> = {}): Report {
  return verify(programOf(source, more), PLATFORM, { author: 'trusted', ...options })
}

/** The log of a program, without the time that it took. */
export function logOf(source: string, logLevel: 1 | 2 | 4, more: Partial<VerifierProgram> = {}): string {
  const { log = '' } = judge(source, { logLevel, explain: false }, more)
  return log.replace(/^verification time \d+ usec$/m, 'verification time N usec')
}
