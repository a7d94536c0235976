/**
 * What became of each CO-RE relocation, as plain data: what the program means, which types of the target were tried, and
 * what the instruction is now.
 * @module
 */
import { type Btf, type CoreSpec, coreRelocationKind, describeCoreSpec, formatCoreSpec } from '../btf/index.ts'
import { AnybpfError } from '../util/index.ts'
import { patchCoreInstruction } from './core-patch.ts'
import { CoreRelocations, type ResolvedCoreRelocation } from './core-relocations.ts'
import type { ObjectSpec } from './spec.ts'

/** A field, type or enumerator in one BTF. */
export interface CorePlace {
  /** Id of the root type. */
  readonly type: number
  /** `struct thing.size`. */
  readonly what: string
  /** As libbpf logs it. */
  readonly spec: string
}

export interface CoreExplanation {
  readonly function: string
  readonly section: string
  /** Slot in the function. */
  readonly insn: number
  /** `byte_off`; the number of a kind that is not known. */
  readonly kind: string
  readonly local?: CorePlace
  readonly candidates: readonly (CorePlace & { readonly matches: boolean })[]
  readonly target?: CorePlace
  /**
   * `relocated`; `poisoned`: the target does not have it, or has it otherwise, and the instruction may not be reached;
   * `failed`: the program cannot be loaded.
   */
  readonly outcome: 'relocated' | 'poisoned' | 'failed'
  /** Why it failed, or was poisoned. */
  readonly reason?: string
  /** What the instruction held as compiled, and what it holds now: decimal, 64 bits unsigned. */
  readonly before?: string
  readonly value?: string
  /** Bytes that the instruction accesses, before and now, where they differ. */
  readonly resized?: readonly [before: number, now: number]
}

/** Explains all relocations of an object, in the order in which they are resolved. Without a target there are none. */
export function explainCore(object: ObjectSpec, target: Btf | undefined): readonly CoreExplanation[] {
  return new CoreRelocations(object, target).all().map(explain)
}

function explain(one: ResolvedCoreRelocation): CoreExplanation {
  const { function: spec, record, outcome } = one
  const about = {
    function: spec.name,
    section: spec.section,
    insn: record.slot,
    kind: coreRelocationKind(record.kind)?.name ?? String(record.kind),
  }
  if (outcome instanceof AnybpfError) return { ...about, candidates: [], outcome: 'failed', reason: outcome.message }
  const looked = {
    ...about,
    local: place(outcome.local),
    candidates: outcome.candidates.map(({ spec: candidate, matches }) => ({ ...place(candidate), matches })),
    ...(outcome.target !== undefined && { target: place(outcome.target) }),
    ...(outcome.original !== undefined && { before: String(outcome.original) }),
  }
  try {
    const insns = spec.insns.slice()
    if (patchCoreInstruction(insns, record.slot, outcome)) {
      const reason = outcome.poisoned
        ? 'nothing in the target matches'
        : `a field of ${outcome.size} bytes cannot be accessed as one of ${outcome.originalSize}`
      return { ...looked, outcome: 'poisoned', reason }
    }
  } catch (error) {
    if (!(error instanceof AnybpfError)) throw error
    return { ...looked, outcome: 'failed', reason: error.message }
  }
  const { originalSize, size } = outcome
  const insn = spec.insns[record.slot]
  const resized = originalSize !== size && insn !== undefined && 'off' in insn
  return {
    ...looked,
    outcome: 'relocated',
    value: String(outcome.value),
    ...(resized && { resized: [originalSize, size] as const }),
  }
}

function place(spec: CoreSpec): CorePlace {
  return { type: spec.root, what: describeCoreSpec(spec), spec: formatCoreSpec(spec) }
}
