/**
 * What wide loads refer to: maps, values of maps, variables and functions; and that every opcode is known. Both are
 * looked at in one pass, in the order of the program, because Linux says which is wrong first.
 * @see https://docs.kernel.org/bpf/standardization/instruction-set.html#bit-immediate-instructions
 * @module
 */
import type { LddwInsn } from '../../isa/index.ts'
import type { Environment } from '../environment.ts'
import type { VerifierMap } from '../program.ts'
import { MapsInUse } from './maps.ts'
import { refuse } from './refuse.ts'

/** An offset from which on pointers are not trusted to stay near their object. */
const MAX_VARIABLE_OFFSET = 1 << 29

export function resolveReferences(env: Environment): void {
  const { insns } = env
  const invalid = env.program.invalid
  const maps = new MapsInUse(env)
  for (let slot = 0; slot < insns.length; slot++) {
    const problem = invalid?.get(slot)
    if (problem?.early) refuse(problem.code, problem.message, slot)
    const insn = insns[slot]!
    switch (insn.kind) {
      case 'lddw':
        if (insns[slot + 1]?.kind !== 'wide_tail') {
          refuse('invalid_wide_instruction', 'invalid bpf_ld_imm64 insn', slot)
        }
        resolveWideLoad(env, maps, insn, slot)
        slot++
        break
      case 'wide_tail':
        // No lddw before it.
        refuse('invalid_instruction', 'unknown opcode 00', slot)
        break
      case 'callx':
        refuse('invalid_instruction', 'unknown opcode 8d', slot)
        break
      case 'goto_indirect':
        refuse('invalid_instruction', 'unknown opcode 0d', slot)
        break
    }
  }
}

function resolveWideLoad(env: Environment, maps: MapsInUse, insn: LddwInsn, slot: number): void {
  const { source } = insn
  const reference = env.references.get(slot)
  switch (source) {
    case 'imm64':
    case 'code_addr':
      // A reference to a map or variable that a loader has not put into the instruction.
      if (reference?.kind === 'map' || reference?.kind === 'map_value') useMap(maps, reference, slot)
      return
    case 'var_addr':
      if (reference === undefined) checkVariable(env, insn, slot)
      return
    case 'map_fd':
    case 'map_idx':
      if (insn.imm2 !== 0) refuse('invalid_wide_instruction', 'unrecognized bpf_ld_imm64 insn', slot)
  }
  if (reference?.kind === 'map' || reference?.kind === 'map_value') {
    useMap(maps, reference, slot)
    return
  }
  if (source === 'map_idx' || source === 'map_idx_value') {
    refuse('invalid_map_reference', 'fd_idx without fd_array is invalid', slot)
  }
  refuse('invalid_map_reference', `fd ${insn.imm} is not pointing to valid bpf_map`, slot)
}

function useMap(
  maps: MapsInUse,
  reference: { readonly map: VerifierMap; readonly offset?: number },
  slot: number,
): void {
  const { map, offset } = reference
  maps.add(map, slot)
  if (offset === undefined) return
  if (offset >>> 0 >= MAX_VARIABLE_OFFSET) {
    refuse('out_of_bounds', `direct value offset of ${offset >>> 0} is not allowed`, slot, { map: map.name })
  }
  const reach = directValueBytes(map)
  if (reach === undefined) {
    refuse('map_not_allowed', 'no direct value access support for this map type', slot, { map: map.name })
  }
  if (offset >>> 0 >= reach) {
    refuse(
      'out_of_bounds',
      `invalid access to map value pointer, value_size=${map.valueSize} off=${offset >>> 0}`,
      slot,
      { map: map.name },
    )
  }
}

const ARRAY = 2
const ARENA = 33
const PAGE_BYTES = 4096

/** Bytes whose addresses a program may hold directly; undefined where the map type has no such thing. */
function directValueBytes(map: VerifierMap): number | undefined {
  if (map.type === ARRAY) return map.maxEntries === 1 ? map.valueSize : 0
  if (map.type === ARENA) return map.maxEntries * PAGE_BYTES + 1
  return undefined
}

/** Type 0 of every BTF. */
const VOID = { kind: 'void' } as const

/** The address of a kernel variable or function, by its BTF id. */
function checkVariable(env: Environment, insn: LddwInsn, slot: number): void {
  if (insn.imm2 !== 0) refuse('invalid_btf', 'invalid module BTF object FD specified.', slot)
  const type = insn.imm === 0 ? VOID : env.kernelBtf?.get(insn.imm)
  if (type === undefined) {
    refuse('invalid_btf', `ldimm64 insn specifies invalid btf_id ${insn.imm}.`, slot)
  }
  if (type.kind !== 'var' && type.kind !== 'func') {
    refuse('invalid_btf', `pseudo btf_id ${insn.imm} in ldimm64 isn't KIND_VAR or KIND_FUNC`, slot)
  }
}
