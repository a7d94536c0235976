/**
 * What `verify` is given, looked at before anything relies on it: callers without types hand in anything. A program that
 * is wrong is rejected; what is no program at all, or no option, is a mistake of the caller's.
 * @module
 */
import { Btf, checkBtf } from '../btf/index.ts'
import type { Instruction } from '../isa/index.ts'
import { AnybpfError, quoteName } from '../util/index.ts'
import type { VerifierMap, VerifierProgram, VerifierReference, VerifyOptions } from './program.ts'

/** Throws ERR_USAGE, or ERR_BTF for types that contradict each other. */
export function checkInput(program: VerifierProgram, options: VerifyOptions): void {
  checkOptions(options)
  checkTexts(program)
  checkInstructions(program)
  const maps = new Set<VerifierMap>()
  const { references = new Map() } = program
  if (!(references instanceof Map)) usage(`${program.name}: references is ${shown(references)}, and not a map by slot`)
  for (const [slot, reference] of references) checkReference(program, slot, reference, maps)
  checkFunctions(program)
  checkLines(program)
  if (program.btf !== undefined) checkTypes(`${program.name}: btf`, program.btf)
  if (options.kernelBtf !== undefined) checkTypes('option kernelBtf', options.kernelBtf)
}

function usage(message: string): never {
  throw new AnybpfError('ERR_USAGE', message)
}

/** A value as messages give it. */
function shown(value: unknown): string {
  if (typeof value === 'string') return quoteName(value)
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0

const COUNTS = ['insnLimit', 'timeLimit', 'stateLimit'] as const
const CHOICES = {
  author: ['trusted', 'untrusted'],
  alignment: ['strict', 'any'],
  logLevel: [0, 1, 2, 4],
} as const
const SWITCHES = ['testStateFrequency', 'strictPruning', 'explain'] as const

function checkOptions(options: VerifyOptions): void {
  for (const name of COUNTS) {
    const value = options[name]
    if (value !== undefined && !isCount(value)) {
      usage(`option ${name}: ${shown(value)} is not a whole number from 0 on`)
    }
  }
  for (const [name, choices] of Object.entries(CHOICES)) {
    const value = options[name as keyof typeof CHOICES]
    if (value === undefined || (choices as readonly unknown[]).includes(value)) continue
    usage(`option ${name}: ${shown(value)} is none of ${choices.join(', ')}`)
  }
  for (const name of SWITCHES) {
    const value = options[name]
    if (value !== undefined && typeof value !== 'boolean') usage(`option ${name}: ${shown(value)} is no boolean`)
  }
}

function checkTexts(program: VerifierProgram): void {
  for (const name of ['name', 'type', 'license'] as const) {
    if (typeof program[name] !== 'string') usage(`the program's ${name} is ${shown(program[name])}, and not text`)
  }
  for (const name of ['attachType', 'attachTo'] as const) {
    const value = program[name]
    if (value !== undefined && typeof value !== 'string') usage(`${program.name}: ${name} is ${shown(value)}, no text`)
  }
  const { byteOrder } = program
  if (byteOrder !== undefined && byteOrder !== 'little' && byteOrder !== 'big') {
    usage(`${program.name}: byteOrder ${shown(byteOrder)} is neither little nor big`)
  }
}

function checkInstructions({ name, insns }: VerifierProgram): void {
  if (!Array.isArray(insns)) usage(`${name}: insns is ${shown(insns)}, and not an array of instructions`)
  for (let slot = 0; slot < insns.length; slot++) {
    const insn: Instruction | undefined = insns[slot]
    if (insn === undefined || insn === null) usage(`${name}: insn ${slot} is missing`)
    if (!isInstruction(insn)) usage(`${name}: insn ${slot} (${shown(insn.kind)}) is not an instruction`)
  }
}

/** As many as the encoding has room for; the verifier itself refuses those that do not exist. */
const isRegister = (value: number): boolean => value >= 0 && value <= 15 && Number.isInteger(value)
const isInt32 = (value: number): boolean => (value | 0) === value

function isOperand(src: { readonly reg?: number; readonly imm?: number }): boolean {
  if (typeof src !== 'object' || src === null) return false
  return 'reg' in src ? isRegister(src.reg!) : isInt32(src.imm!)
}

const ALU_OPS = words('add sub mul div sdiv or and lsh rsh mod smod xor mov arsh')
const JUMP_OPS = words('eq gt ge set ne sgt sge lt le slt sle')
const ATOMIC_OPS = words('add or and xor xchg cmpxchg')
const SOURCES = words('imm64 map_fd map_value var_addr code_addr map_idx map_idx_value')
const CALLS = words('helper local kfunc')

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '))
}

const isWidth = (width: number): boolean => width === 64 || width === 32
const isSize = (size: number): boolean => size === 1 || size === 2 || size === 4 || size === 8

function isInstruction(insn: Instruction): boolean {
  switch (insn.kind) {
    case 'alu':
      return ALU_OPS.has(insn.op) && isWidth(insn.width) && isRegister(insn.dst) && isOperand(insn.src)
    case 'neg':
      return isWidth(insn.width) && isRegister(insn.dst)
    case 'movsx':
      return (
        isWidth(insn.width) &&
        (insn.bits === 8 || insn.bits === 16 || insn.bits === 32) &&
        isRegister(insn.dst) &&
        isRegister(insn.src)
      )
    case 'addr_space_cast':
      return isRegister(insn.dst) && isRegister(insn.src) && isInt32(insn.to) && isInt32(insn.from)
    case 'endian':
      return (
        (insn.op === 'le' || insn.op === 'be' || insn.op === 'bswap') &&
        (insn.bits === 16 || insn.bits === 32 || insn.bits === 64) &&
        isRegister(insn.dst)
      )
    case 'load':
    case 'load_acquire':
      return isSize(insn.size) && isRegister(insn.dst) && isRegister(insn.base) && isInt32(insn.off)
    case 'store':
      return isSize(insn.size) && isRegister(insn.base) && isOperand(insn.src) && isInt32(insn.off)
    case 'store_release':
      return isSize(insn.size) && isRegister(insn.base) && isRegister(insn.src) && isInt32(insn.off)
    case 'atomic':
      return (
        ATOMIC_OPS.has(insn.op) &&
        isSize(insn.size) &&
        isRegister(insn.base) &&
        isRegister(insn.src) &&
        isInt32(insn.off)
      )
    case 'load_packet':
      return (
        (insn.mode === 'abs' || insn.mode === 'ind') && isSize(insn.size) && isRegister(insn.src) && isInt32(insn.imm)
      )
    case 'lddw':
      return SOURCES.has(insn.source) && isRegister(insn.dst) && isInt32(insn.imm) && isInt32(insn.imm2)
    case 'jump':
      return (
        JUMP_OPS.has(insn.op) && isWidth(insn.width) && isRegister(insn.dst) && isOperand(insn.src) && isInt32(insn.off)
      )
    case 'goto':
    case 'may_goto':
      return isInt32(insn.off)
    case 'goto_indirect':
      return isRegister(insn.dst)
    case 'call':
      return CALLS.has(insn.target) && isInt32(insn.imm) && isInt32(insn.off)
    case 'callx':
      return isRegister(insn.reg)
    case 'wide_tail':
    case 'exit':
      return true
    default:
      return false
  }
}

function checkReference(
  program: VerifierProgram,
  slot: number,
  reference: VerifierReference,
  maps: Set<VerifierMap>,
): void {
  const at = `${program.name}: what insn ${slot} refers to`
  switch (reference?.kind) {
    case 'map_value':
      if (!Number.isSafeInteger(reference.offset)) usage(`${at} has offset ${shown(reference.offset)}`)
      checkMap(at, reference.map, maps)
      return
    case 'map':
      checkMap(at, reference.map, maps)
      return
    case 'kfunc':
    case 'ksym':
      if (typeof reference.name !== 'string') usage(`${at} has the name ${shown(reference.name)}`)
      return
    default:
      usage(`${at} is neither a map nor a symbol`)
  }
}

const MAP_COUNTS = ['type', 'keySize', 'valueSize', 'maxEntries', 'flags'] as const

function checkMap(at: string, map: VerifierMap, maps: Set<VerifierMap>): void {
  if (maps.has(map)) return
  // Inner maps of inner maps as well: a loop over them ends at one that was seen.
  for (let one: VerifierMap | undefined = map; one !== undefined && !maps.has(one); one = one.inner) {
    if (typeof one !== 'object' || one === null || typeof one.name !== 'string') usage(`${at} is no map`)
    maps.add(one)
    for (const field of MAP_COUNTS) {
      if (!isCount(one[field])) usage(`map ${quoteName(one.name)}: ${field} ${shown(one[field])} is no whole number`)
    }
    if (one.contents !== undefined && !(one.contents instanceof Uint8Array)) {
      usage(`map ${quoteName(one.name)}: its contents are ${shown(one.contents)}, and not bytes`)
    }
    if (one.btf === undefined) continue
    checkTypes(`map ${quoteName(one.name)}: btf`, one.btf)
    for (const field of ['btfKeyType', 'btfValueType'] as const) {
      const id = one[field]
      if (id !== undefined && one.btf.get(id) === undefined) {
        usage(`map ${quoteName(one.name)}: ${field} ${shown(id)} is not in its BTF`)
      }
    }
  }
}

function checkTypes(what: string, btf: Btf): void {
  if (!(btf instanceof Btf)) usage(`${what} is not BTF`)
  checkBtf(btf)
}

const LINKAGES: ReadonlySet<string> = words('static global weak')

function checkFunctions({ name, functions = [] }: VerifierProgram): void {
  if (!Array.isArray(functions)) usage(`${name}: functions is ${shown(functions)}, and not an array`)
  for (let i = 0; i < functions.length; i++) {
    const one = functions[i]
    const good =
      typeof one?.name === 'string' &&
      isCount(one.slot) &&
      LINKAGES.has(one.linkage) &&
      (one.btfType === undefined || isCount(one.btfType))
    if (!good) usage(`${name}: function ${i} has no name, slot, linkage or type`)
  }
}

function checkLines({ name, lines = [] }: VerifierProgram): void {
  if (!Array.isArray(lines)) usage(`${name}: lines is ${shown(lines)}, and not an array`)
  for (let i = 0; i < lines.length; i++) {
    const one = lines[i]
    const good =
      typeof one?.file === 'string' &&
      typeof one.text === 'string' &&
      isCount(one.slot) &&
      isCount(one.line) &&
      isCount(one.column)
    if (!good) usage(`${name}: line ${i} has no slot, file, line, column or text`)
  }
}
