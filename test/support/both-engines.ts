/**
 * Bare instructions on every engine: what one says, all have to say.
 * @module
 */
import { expect } from 'vitest'
import type { Instruction } from '../../src/isa/index.ts'
import { BpfFault, type ExecuteRawOptions, executeRaw, type RawResult } from '../../src/vm/index.ts'

type Outcome = RawResult | { readonly error: unknown }

function outcome(insns: readonly Instruction[], memory: Uint8Array | undefined, options: ExecuteRawOptions): Outcome {
  try {
    return executeRaw(insns, memory, options)
  } catch (error) {
    return { error }
  }
}

/** What has to be the same: of a fault, which and where. */
function comparable(result: Outcome): unknown {
  if (!('error' in result)) return result
  const { error } = result
  return error instanceof BpfFault ? { kind: error.kind, slot: error.slot, code: error.code } : { error: String(error) }
}

/** As `executeRaw`, and tests that the JIT does the same, unless only the interpreter can do it. */
export function executeRawOnAll(
  insns: readonly Instruction[],
  memory?: Uint8Array,
  options: ExecuteRawOptions = {},
): RawResult {
  const reference = outcome(insns, memory, options)
  if (options.checked !== true && options.trace === undefined && options.engine === undefined) {
    const jit = outcome(insns, memory, { ...options, engine: 'jit' })
    expect(comparable(jit)).toEqual(comparable(reference))
  }
  if ('error' in reference) throw reference.error
  return reference
}
