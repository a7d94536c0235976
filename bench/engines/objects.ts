/**
 * Objects, as all engines take them: with maps of a size that the kernel's verifier is quick with, and what of a run is compared.
 * @module
 */
import { mapsOf } from '../../scripts/score/kernel-question.ts'
import { VerifyInput } from '../../src/loader/index.ts'
import { type ObjectSpec, parseObject } from '../../src/object/index.ts'
import { linux } from '../../src/spec/index.ts'
import type { VerifierProgram } from '../../src/verifier/program.ts'
import type { ObjectWorkload } from './workloads.ts'

export const PLATFORM = linux()
const MAX_ENTRIES = 8192
/** Types whose elements can be listed: hash and array, per CPU and LRU too, LPM trie. */
const LISTED = new Set([1, 2, 5, 6, 9, 10, 11])

export interface OpenedObject {
  readonly spec: ObjectSpec
  readonly program: VerifierProgram
  /** Names of the maps whose contents are compared. */
  readonly listed: ReadonlySet<string>
}

export function openObject(workload: ObjectWorkload): OpenedObject {
  const spec = parseObject(workload.object)
  for (const map of Object.values(spec.maps)) map.maxEntries = Math.min(Math.max(map.maxEntries, 1), MAX_ENTRIES)
  const program = new VerifyInput(spec, PLATFORM).program(spec.programs[workload.program]!)
  const listed = mapsOf(program).filter(({ type }) => LISTED.has(type))
  return { spec, program, listed: new Set(listed.map(({ name }) => name)) }
}
