/**
 * Addresses of kernel symbols: typed ones from the kernel's BTF, others as numbers.
 * @see https://docs.kernel.org/bpf/libbpf/program_types.html
 * @module
 */
import type { BtfType } from '../../btf/index.ts'
import type { Environment } from '../environment.ts'
import type { VerifierReference } from '../program.ts'
import { reject } from '../rejection.ts'
import { constantReg, pointerReg, type Reg, UNKNOWN_SCALAR } from '../state.ts'
import { MEM_PERCPU, MEM_RDONLY, PTR_TO_BTF_ID, PTR_TO_MEM } from '../types.ts'

type KsymReference = Extract<VerifierReference, { kind: 'ksym' }>

/** What a register holds after the address of a kernel symbol was loaded. */
export function loadKernelSymbol(env: Environment, reference: KsymReference): Reg {
  if (reference.absent === true) return constantReg(0)
  // Untyped: an address like any number. It may be absent (0) only if it is weak.
  if (reference.btfType === undefined) return UNKNOWN_SCALAR
  const btf = env.kernelBtf
  const variable = btf?.find(reference.name, 'var')
  if (btf === undefined || variable === undefined) {
    if (reference.weak) return constantReg(0)
    return reject('invalid_map_reference', `kernel symbol ${reference.name} is not in the kernel's BTF`, {
      symbol: reference.name,
    })
  }
  const type: BtfType = btf.resolve(variable.type)
  const perCpu = isPerCpu(env, variable.id)
  if (type.kind === 'struct' || type.kind === 'union' || perCpu) {
    return pointerReg(PTR_TO_BTF_ID | (perCpu ? MEM_PERCPU : 0), 0, { kind: 'btf', btf, id: type.id })
  }
  return pointerReg(PTR_TO_MEM | MEM_RDONLY, btf.sizeOf(variable.type))
}

function isPerCpu(env: Environment, variable: number): boolean {
  const section = env.kernelBtf?.find('.data..percpu', 'datasec')
  return section?.variables.some((one) => one.type === variable) ?? false
}
