/**
 * CO-RE: resolves the relocations of a program, whose types are one BTF, against another: a kernel's.
 *
 * For each relocation, the types of the target whose essential name is the local root's are tried. What they say has to
 * be the same: a field that two of them have at different offsets is an error. A candidate that once did not match is not
 * asked again about the same local type, as in libbpf: so the order of the relocations, which is that of the file, counts.
 * @see https://docs.kernel.org/bpf/llvm_reloc.html#co-re-relocations
 * @module
 */
import { AnybpfError } from '../../util/index.ts'
import type { Btf } from '../btf.ts'
import type { BtfInt, BtfTypeId } from '../types.ts'
import { type CoreSides, CoreSteps, kindsCompatible } from './compatibility.ts'
import { type CoreMatch, matchCoreSpec } from './match.ts'
import { essentialName, typesNamed } from './names.ts'
import { type CoreRecord, type CoreSpec, formatCoreSpec, parseCoreSpec } from './spec.ts'
import { type CoreValue, coreValue } from './value.ts'

/** What a relocation comes to. */
export interface CoreResolution {
  /** What the program means. */
  readonly local: CoreSpec
  /** The types that were tried, in the order of their ids. */
  readonly candidates: readonly CoreMatch[]
  /** Where the target has it: what the first candidate that matches says. */
  readonly target: CoreSpec | undefined
  /** What the instruction holds as compiled; undefined if that is not to be known. */
  readonly original: bigint | undefined
  /** What it has to hold: 64 bits, unsigned. */
  readonly value: bigint
  /** The instruction cannot be relocated: a program may have it only where it is never reached. */
  readonly poisoned: boolean
  /** Of an offset: bytes of the field here and there, which are those of the load or store. 0: not to be changed. */
  readonly originalSize: number
  readonly size: number
  /** The sizes differ, and a load or store of the other size would not give the same value (signed, no integer). */
  readonly cannotResize: boolean
}

export class CoreResolver {
  private readonly local: Btf
  private readonly target: Btf
  /** By local root type; those that matched so far. */
  private readonly candidates = new Map<BtfTypeId, readonly BtfTypeId[]>()
  private readonly known = new Map<string, CoreResolution | AnybpfError>()

  /** Throws `ERR_RELOCATION` if the two are of different byte orders. */
  constructor(local: Btf, target: Btf) {
    if (local.byteOrder !== target.byteOrder) {
      throw new AnybpfError(
        'ERR_RELOCATION',
        `the program is ${local.byteOrder}-endian, and the types to relocate it to are ${target.byteOrder}-endian`,
      )
    }
    this.local = local
    this.target = target
  }

  /**
   * Resolves one relocation. Throws `ERR_RELOCATION` for a record that makes no sense and where candidates contradict
   * each other; that nothing matches is no error.
   */
  resolve(record: CoreRecord): CoreResolution {
    const key = `${record.type} ${record.kind} ${record.access}`
    let known = this.known.get(key)
    if (known === undefined) {
      try {
        known = this.compute(record)
      } catch (error) {
        if (!(error instanceof AnybpfError)) throw error
        known = error
      }
      this.known.set(key, known)
    }
    if (known instanceof AnybpfError) throw known
    return known
  }

  private compute(record: CoreRecord): CoreResolution {
    const local = parseCoreSpec(this.local, record)
    if (local.kind.name === 'local_type_id') return { ...NOTHING, local, target: local, value: BigInt(local.root) }
    const at = formatCoreSpec(local)
    try {
      return this.choose(local)
    } catch (error) {
      if (!(error instanceof AnybpfError)) throw error
      throw new AnybpfError(error.code, `CO-RE relocation ${at}: ${error.message}`, { cause: error })
    }
  }

  private choose(local: CoreSpec): CoreResolution {
    const sides: CoreSides = { local: this.local, target: this.target, steps: new CoreSteps() }
    const original = coreValue(local)
    const tried = this.candidatesOf(local.root).map((id) => matchCoreSpec(sides, local, id))
    const matching = tried.filter(({ matches }) => matches)
    if (matching.length === 0) return missing(local, tried, original)
    const first = matching[0]!.spec
    const value = coreValue(first)
    for (const { spec } of matching.slice(1)) checkAgreement(first, value, spec)
    this.candidates.set(
      local.root,
      matching.map(({ spec }) => spec.root),
    )
    const resized = original.size !== value.size
    return {
      local,
      candidates: tried,
      target: first,
      original: original.certain ? original.value : undefined,
      value: value.value,
      poisoned: false,
      originalSize: original.size,
      size: value.size,
      cannotResize: resized && !this.mayResize(original, value),
    }
  }

  private candidatesOf(root: BtfTypeId): readonly BtfTypeId[] {
    const known = this.candidates.get(root)
    if (known !== undefined) return known
    const type = this.local.type(root)
    if (type.name === '') throw new AnybpfError('ERR_RELOCATION', 'a type without a name is not to be found elsewhere')
    const same = typesNamed(this.target, essentialName(type.name))
    const found = same.filter((id) => kindsCompatible(this.target.kindOf(id), type.kind))
    this.candidates.set(root, found)
    return found
  }

  /** Pointers may be narrower there; unsigned integers are extended with zeros either way. */
  private mayResize({ type: from }: CoreValue, { type: to }: CoreValue): boolean {
    const [a, b] = [this.local.type(from), this.target.type(to)]
    if (a.kind === 'ptr' && b.kind === 'ptr') return true
    return a.kind === 'int' && b.kind === 'int' && !isPlainSigned(a) && !isPlainSigned(b)
  }
}

/** A `char` that is said to be signed is taken for bytes. */
function isPlainSigned({ signed, char, bool }: BtfInt): boolean {
  return signed && !char && !bool
}

const NOTHING: Omit<CoreResolution, 'local'> = {
  candidates: [],
  target: undefined,
  original: undefined,
  value: 0n,
  poisoned: false,
  originalSize: 0,
  size: 0,
  cannotResize: false,
}

function missing(local: CoreSpec, candidates: readonly CoreMatch[], original: CoreValue): CoreResolution {
  const poisoned = local.kind.missing === 'poison'
  return { ...NOTHING, local, candidates, poisoned, original: original.certain ? original.value : undefined }
}

function checkAgreement(first: CoreSpec, value: CoreValue, other: CoreSpec): void {
  if (other.bitOffset !== first.bitOffset) {
    throw new AnybpfError(
      'ERR_RELOCATION',
      `ambiguous: the field is at bit ${first.bitOffset} of type ${first.root}, and at bit ${other.bitOffset} of type ${other.root}`,
    )
  }
  const otherValue = coreValue(other).value
  if (otherValue !== value.value) {
    throw new AnybpfError(
      'ERR_RELOCATION',
      `ambiguous: ${value.value} by type ${first.root} of the target, and ${otherValue} by type ${other.root}`,
    )
  }
}
