/**
 * The CO-RE relocations of an object, resolved together, as libbpf does when it loads the object.
 *
 * Without a target an object is taken for what it was compiled to be: its types are the target's, each for itself, and
 * instructions stay as they are (but for type ids, which a static linker may have renumbered).
 * @module
 */
import { type Btf, type CoreResolution, CoreResolver, formatCoreSpec } from '../btf/index.ts'
import type { Instruction } from '../isa/index.ts'
import { AnybpfError } from '../util/index.ts'
import { patchCoreInstruction } from './core-patch.ts'
import type { CoreRelocation, FunctionSpec, ObjectSpec } from './spec.ts'

/** A relocation that was looked up; `outcome` is why it cannot be. */
export interface ResolvedCoreRelocation {
  readonly function: FunctionSpec
  readonly record: CoreRelocation
  readonly outcome: CoreResolution | AnybpfError
}

export interface CoreRelocationsOptions {
  /** Names of the programs that will be loaded; others have no part in the choice of candidates. Default: all. */
  readonly programs?: readonly string[]
}

/** `local_type_id` and `target_type_id`, which are one where the target is the object itself. */
const TYPE_ID_KINDS: ReadonlySet<number> = new Set([6, 7])

export class CoreRelocations {
  private readonly object: ObjectSpec
  private readonly target: Btf | undefined
  private readonly options: CoreRelocationsOptions
  private outcomes: Map<CoreRelocation, ResolvedCoreRelocation> | undefined

  /** `target`: types of the kernel that the object is to run on. */
  constructor(object: ObjectSpec, target?: Btf, options: CoreRelocationsOptions = {}) {
    this.object = object
    this.target = target
    this.options = options
  }

  /** All of them, in the order of the file. Nothing without a target. */
  all(): readonly ResolvedCoreRelocation[] {
    return [...this.resolved().values()]
  }

  /**
   * Applies the relocations of `spec` to its instructions, which begin at `start` of `insns`. What had to be poisoned, by
   * slot in `insns`, is described as libbpf logs it. Throws `ERR_RELOCATION` at the first that cannot be applied.
   */
  apply(spec: FunctionSpec, insns: Instruction[], start: number): Map<number, string> {
    const poisoned = new Map<number, string>()
    for (const record of spec.coreRelocations) {
      const slot = start + record.slot
      if (this.target === undefined) {
        if (TYPE_ID_KINDS.has(record.kind)) putTypeId(insns, slot, record.type)
        continue
      }
      const { outcome } = this.resolved().get(record) ?? { outcome: unresolved(spec) }
      try {
        if (outcome instanceof AnybpfError) throw outcome
        const wide = insns[slot]?.kind === 'lddw'
        if (!patchCoreInstruction(insns, slot, outcome)) continue
        const text = formatCoreSpec(outcome.local)
        poisoned.set(slot, text)
        if (wide) poisoned.set(slot + 1, text)
      } catch (error) {
        if (!(error instanceof AnybpfError)) throw error
        throw new AnybpfError(error.code, `${spec.name}: insn ${record.slot}: ${error.message}`, { cause: error })
      }
    }
    return poisoned
  }

  private resolved(): Map<CoreRelocation, ResolvedCoreRelocation> {
    this.outcomes ??= this.resolve()
    return this.outcomes
  }

  private resolve(): Map<CoreRelocation, ResolvedCoreRelocation> {
    const { object, target } = this
    const wanted = this.wantedFunctions()
      .flatMap((spec) => spec.coreRelocations.map((record) => ({ spec, record })))
      .sort((a, b) => a.record.index - b.record.index)
    const outcomes = new Map<CoreRelocation, ResolvedCoreRelocation>()
    if (wanted.length === 0 || target === undefined) return outcomes
    const resolver = object.btf === undefined ? undefined : new CoreResolver(object.btf, target)
    for (const { spec, record } of wanted) {
      let outcome: CoreResolution | AnybpfError
      try {
        if (resolver === undefined) throw new AnybpfError('ERR_RELOCATION', 'CO-RE relocations, and no BTF')
        outcome = resolver.resolve(record)
      } catch (error) {
        if (!(error instanceof AnybpfError)) throw error
        outcome = error
      }
      outcomes.set(record, { function: spec, record, outcome })
    }
    return outcomes
  }

  private wantedFunctions(): FunctionSpec[] {
    const { programs, functions } = this.object
    const names = this.options.programs === undefined ? undefined : new Set(this.options.programs)
    const chosen = Object.values(programs).filter(({ name }) => names === undefined || names.has(name))
    return [...chosen, ...Object.values(functions)]
  }
}

function unresolved({ name }: FunctionSpec): AnybpfError {
  return new AnybpfError('ERR_RELOCATION', `CO-RE relocations of ${name} were not asked for`)
}

/** The id in the instruction may be that of an object that was linked into this one. */
function putTypeId(insns: Instruction[], slot: number, type: number): void {
  const insn = insns[slot]
  if (insn?.kind === 'alu' && 'imm' in insn.src) insns[slot] = { ...insn, src: { imm: type } }
  else if (insn?.kind === 'lddw' && insn.source === 'imm64') insns[slot] = { ...insn, imm: type, imm2: 0 }
}
