/**
 * The kernel's own types, for the programs whose verification needs them: read from a file only then, since they are
 * megabytes.
 * @module
 */
import type { Btf } from '../../btf/index.ts'
import { readBytes } from '../../node/index.ts'
import { type ObjectSpec, readTypes } from '../../object/index.ts'
import type { Platform } from '../../spec/index.ts'
import { isAnybpfError } from '../../util/index.ts'
import type { VerifierProgram } from '../../verifier/index.ts'
import { readTypesOption } from '../input.ts'
import type { CliIo } from '../streams.ts'

/** Where a running kernel shows its types. */
const RUNNING_KERNEL = '/sys/kernel/btf/vmlinux'

const TYPED_PROGRAMS: ReadonlySet<string> = new Set(['tracing', 'lsm', 'ext', 'struct_ops'])

/** Whether what a program may do hangs on types of the kernel: typed contexts, kernel functions, helpers that give objects. */
export function needsKernelTypes(program: VerifierProgram, platform: Platform): boolean {
  if (TYPED_PROGRAMS.has(program.type)) return true
  for (const reference of program.references?.values() ?? []) {
    if (reference.kind === 'kfunc' || reference.kind === 'ksym') return true
  }
  return program.insns.some((insn) => {
    if (insn.kind !== 'call' || insn.target === 'local') return false
    if (insn.target === 'kfunc') return true
    const signature = platform.helpers.get(insn.imm)?.signature
    return signature?.returns.btfType !== undefined || signature?.args.some((arg) => arg.btfType !== undefined) === true
  })
}

function hasCoreRelocations(spec: ObjectSpec): boolean {
  return [...Object.values(spec.programs), ...Object.values(spec.functions)].some(
    ({ coreRelocations }) => coreRelocations.length > 0,
  )
}

export class KernelTypes {
  /** Where the types came from; undefined as long as none were read. */
  source: string | undefined
  private readonly file: string | undefined
  private readonly io: CliIo
  private types: Promise<Btf | undefined> | undefined

  /** `file`: what `--btf` names. */
  constructor(file: string | undefined, io: CliIo) {
    this.file = file
    this.io = io
  }

  /** Throws a CliError where `--btf` names a file that is no BTF; undefined where no kernel shows its types. */
  read(): Promise<Btf | undefined> {
    this.types ??= this.load()
    return this.types
  }

  /**
   * The types that an object's CO-RE relocations are resolved to. Undefined where it has none; and without `--btf`, where no
   * kernel of its byte order shows its types: the object's own are then taken.
   */
  async targetOf(spec: ObjectSpec): Promise<Btf | undefined> {
    if (!hasCoreRelocations(spec)) return undefined
    const types = await this.read()
    return this.file === undefined && types?.byteOrder !== spec.byteOrder ? undefined : types
  }

  private async load(): Promise<Btf | undefined> {
    const { file } = this
    if (file !== undefined) {
      this.source = file
      return readTypesOption(file, this.io)
    }
    try {
      const types = readTypes(await readBytes(RUNNING_KERNEL, { stdin: this.io.stdin }))
      this.source = RUNNING_KERNEL
      return types
    } catch (error) {
      if (isAnybpfError(error)) return undefined
      throw error
    }
  }
}
