/**
 * Why an access to memory, or to the context, is refused, and what would make it good.
 * @module
 */
import type { Scalar } from '../../domain/scalar.ts'
import type { Reg } from '../../state.ts'
import { baseType, CONST_PTR_TO_MAP, PTR_TO_MAP_VALUE, PTR_TO_STACK } from '../../types.ts'
import type { Advice, NamedValue, Scene } from '../scene.ts'
import { indexedArray } from '../source-names.ts'
import { bytesText, mapText, numberText, rangeText, targetText } from '../words.ts'
import { leave } from './leaving.ts'
import { insnOffset, regionSize } from './regions.ts'
import { copyChecked, sizeMayBeNegative, sizeUnbounded, variableName } from './sizes.ts'

/** `offset 8`, `offset 4 to 1024`. */
function offsetText(scene: Scene, reg: Reg): string {
  const fixed = reg.off + insnOffset(scene)
  const { scalar } = reg
  if (scalar.isConstant) return `offset ${numberText(fixed + scalar.constant)}`
  const low = fixed + scalar.smin
  const high = fixed + scalar.smax
  const huge = 2 ** 32
  if (low < -huge || high > huge) return `an offset of ${rangeText(scalar)}${fixed === 0 ? '' : ` plus ${fixed}`}`
  return `offset ${numberText(low)} to ${numberText(high)}`
}

function accessText(scene: Scene): string {
  const size = scene.accessSize
  if (scene.insn?.kind === 'call') return `${scene.callee} is handed ${size === undefined ? 'memory' : bytesText(size)}`
  return `this ${scene.verb} ${size === undefined ? 'memory' : bytesText(size)}`
}

export function outOfBounds(scene: Scene): Advice {
  const { value, index } = scene
  const limit = value === undefined ? undefined : regionSize(value.reg)
  if (value === undefined || limit === undefined) {
    return {
      reason: `${accessText(scene)} where ${value === undefined ? 'nothing' : targetText(value.reg)} does not reach: ${scene.message}`,
      fix: 'Access only what is there: check the offset and the size against the definition of the type.',
    }
  }
  const region = targetText(value.reg).replace(/ \(\d+ bytes?\)$/, '')
  const reason = `${accessText(scene)} at ${offsetText(scene, value.reg)} of ${region}, which has ${bytesText(limit)}`
  if (index === undefined) {
    return { reason, fix: sizeFix(scene, value.reg, limit) }
  }
  return {
    reason: `${reason}: ${indexText(scene, index)}`,
    fix: indexFix(scene, limit),
  }
}

function sizeFix(scene: Scene, reg: Reg, limit: number): string {
  const size = scene.accessSize ?? 1
  const offset = reg.off + insnOffset(scene) + (reg.scalar.isConstant ? reg.scalar.constant : 0)
  if (baseType(reg.type) === PTR_TO_MAP_VALUE) {
    return `Make the value of ${mapText(reg.map)} at least ${bytesText(offset + size)} long (__type(value, …) or value_size; it is ${limit}), or access no more than it has.`
  }
  return `Access at most ${bytesText(limit)}: offset ${offset} and size ${size} end at ${offset + size}.`
}

/** How to keep the index within the region. */
function indexFix(scene: Scene, limit: number): string {
  const { index, value } = scene
  const name = variableName(index)
  const size = scene.accessSize ?? 1
  const room = limit - size - (value?.reg.off ?? 0) - insnOffset(scene)
  if (room < 0) return `No index is good here: even at 0, ${bytesText(size)} do not fit.`
  const step = strideOf(index?.reg.scalar)
  const elements = Math.floor(room / step) + 1
  if (name === undefined) {
    return `Read the index into a variable, check right before it is used that it is less than ${elements}, and leave when it is not.`
  }
  if (step === 1) {
    return `Check the index right before it is used, and leave when it is too large${keepCheck(index)}\n  if (${name} > ${room})${leave(scene)}${maskHint(name, room)}`
  }
  return (
    `Check the index before it is used, and leave when it is too large (there are ${elements} elements of ${step} bytes)${keepCheck(index)}\n` +
    `  if (${name} >= ${elements})${leave(scene)}`
  )
}

/** `` `queue` (r6) is from 0 to 8, in steps of 8 bytes ``: an index as the source has it, before it was scaled. */
function indexText(scene: Scene, index: NamedValue): string {
  const { scalar } = index.reg
  const step = strideOf(scalar)
  const scaled = /^is (shifted left|multiplied) by/.test(index.traced.history.at(-1)?.what ?? '')
  if (!scaled || step === 1 || scalar.isConstant || scalar.smin < 0 || scalar.smax > Number.MAX_SAFE_INTEGER) {
    return `${scene.who(index)} is ${rangeText(scalar)} there`
  }
  const range = `from ${numberText(scalar.smin / step)} to ${numberText(Math.floor(scalar.smax / step))}`
  return `${scene.who(index)} is ${range} there, and elements have ${bytesText(step)}`
}

/** The distance of elements that an offset was scaled by. */
function strideOf(scalar: Scalar | undefined): number {
  if (scalar === undefined) return 1
  const bits = (scalar.maskLow | scalar.valueLow) >>> 0
  return bits === 0 ? 1 : bits & -bits
}

function maskHint(name: string, room: number): string {
  return room > 0 && Number.isInteger(Math.log2(room + 1)) ? `\nOr mask it: ${name} &= ${room};` : ''
}

/** A value that was checked, and is then read from memory again. */
function readAgain(scene: Scene): Advice | undefined {
  const value = scene.index ?? scene.value
  const before = scene.readBefore(value)
  if (value === undefined || before === undefined) return undefined
  const name = value.name
  const local = /(\w+)$/.exec(name ?? '')?.[1]
  return {
    reason: `${scene.who(value)} was checked when it was read in line ${before.line}, but it is read from memory again here, where it may be another value by now: ${rangeText(value.reg.scalar)}`,
    fix: `Read it once into a local variable, and check and use that${local === undefined ? '.' : `:\n  __u32 ${local} = ${name};`}`,
  }
}

export function unbounded(scene: Scene): Advice {
  const again = readAgain(scene)
  if (again !== undefined) return again
  const { value, index } = scene
  if (scene.insn?.kind === 'call') return sizeUnbounded(scene)
  const copied = copyChecked(scene, index, 'what is added to the pointer')
  if (copied !== undefined) return copied
  const limit = value === undefined ? undefined : regionSize(value.reg)
  const what = value === undefined ? 'memory' : targetText(value.reg)
  return {
    reason: `${accessText(scene)} of ${what} at an offset that has no upper bound${index === undefined ? '' : `: ${indexText(scene, index)}`}${moduloText(index)}`,
    fix: limit === undefined ? boundFix(scene, index) : indexFix(scene, limit),
  }
}

/** What Linux's verifier does not know of remainders. */
export function moduloText(number: NamedValue | undefined): string {
  const modulo = number?.traced.history.some((event) => /^is taken modulo/.test(event.what))
  return modulo === true ? '; the verifier keeps no bounds through `%`' : ''
}

/** Ends a sentence before a check; compilers drop one that a remainder makes needless, unless they do not know of it. */
function keepCheck(index: NamedValue | undefined): string {
  const name = variableName(index)
  if (moduloText(index) === '' || name === undefined) return ':'
  return ` (after \`%\` the compiler holds such a check for needless: barrier_var of bpf_helpers.h hides from it what it knows):\n  barrier_var(${name});`
}

/** How to keep a number that is added to a pointer within what that points to. */
export function boundFix(scene: Scene, index: NamedValue | undefined): string {
  const name = variableName(index)
  const array = scene.source === undefined || name === undefined ? undefined : indexedArray(scene.source.text, name)
  if (name === undefined) {
    return 'Check the number right before it is added to the pointer: it must lie within what the pointer points to.'
  }
  if (array === undefined) {
    return `Check \`${name}\` right before it is used: it must lie within what the pointer points to.`
  }
  return `Check the index right before it is used, and leave when it is too large${keepCheck(index)}\n  if (${name} >= sizeof(${array}) / sizeof(${array}[0]))${leave(scene)}`
}

export function negativeOffset(scene: Scene): Advice {
  if (scene.insn?.kind === 'call') return sizeMayBeNegative(scene)
  const { value, index } = scene
  const number = index ?? value
  const copied = copyChecked(scene, index, 'what is added to the pointer')
  if (copied !== undefined) return copied
  const what = number === undefined ? 'the offset' : scene.who(number)
  const known = number === undefined ? '' : `: it is ${rangeText(number.reg.scalar)}`
  return {
    reason: `${what}, which decides where this ${scene.verb}, may be negative${known}`,
    fix: notNegativeFix(scene, number),
  }
}

/** Unsigned, or checked from below. */
export function notNegativeFix(scene: Scene, number: NamedValue | undefined): string {
  const name = variableName(number)
  if (name === undefined)
    return 'Compute the offset with unsigned numbers, or check that it is not negative before it is used.'
  return `Make \`${name}\` unsigned (__u64, or __u32), or rule the negative values out:\n  if (${name} < 0)${leave(scene)}`
}

export function misaligned(scene: Scene): Advice {
  const { value } = scene
  const size = scene.accessSize ?? 1
  const what = value === undefined ? 'memory' : targetText(value.reg)
  return {
    reason: `${accessText(scene)} of ${what} at an offset that is not a multiple of ${size}`,
    fix: 'Align the member (do not pack the struct), or copy it bytewise with __builtin_memcpy.',
  }
}

export function readOnly(scene: Scene): Advice {
  const { value } = scene
  const what = value === undefined ? 'it' : targetText(value.reg)
  const isConstant = value !== undefined && 'map' in value.reg && /^\.rodata|\.kconfig/.test(nameOfMap(value.reg))
  if (scene.insn?.kind === 'call') {
    return {
      reason: `${scene.callee} would write into ${what}, which programs may only read`,
      fix: 'Give it memory that may be written: a buffer on the stack, or a value of a map.',
    }
  }
  if (isConstant && value.name !== undefined) {
    return {
      reason: `this writes to the constant \`${value.name}\`, which lies in memory that programs may only read (${nameOfMap(value.reg)})`,
      fix: `Take away \`const\` from \`${value.name}\`: the variable then lies in .data or .bss, and may be written.`,
    }
  }
  return {
    reason: `this writes to ${what}, which programs of type ${scene.type} may only read`,
    fix: isConstant
      ? 'Constants lie in read-only memory. Take away `const` (the variable then lies in .data or .bss).'
      : 'Write to a copy, or through the helper that is meant for it.',
  }
}

function nameOfMap(reg: Reg): string {
  return baseType(reg.type) === PTR_TO_MAP_VALUE ? reg.map.name : ''
}

export function writeOnly(scene: Scene): Advice {
  return {
    reason: `this reads ${scene.value === undefined ? 'a map' : targetText(scene.value.reg)}, which programs may only write (BPF_F_WRONLY_PROG)`,
    fix: 'Take away BPF_F_WRONLY_PROG from the flags of the map.',
  }
}

/** What a helper's key or value argument has to be: as large as the map says. */
function mapArgument(scene: Scene): Advice | undefined {
  const { value } = scene
  const parameter = value === undefined ? undefined : scene.parameter(value.regno)
  const map = scene.register(1)?.reg
  if (value === undefined || map === undefined || baseType(map.type) !== CONST_PTR_TO_MAP) return undefined
  if (parameter !== 'key' && parameter !== 'value') return undefined
  const size = parameter === 'key' ? map.map.keySize : map.map.valueSize
  const room = baseType(value.reg.type) === PTR_TO_STACK && value.reg.scalar.isConstant ? -value.reg.off : size
  if (room >= size) return undefined
  return {
    reason: `${scene.callee} reads ${bytesText(size)} at ${scene.who(value)}, the ${parameter} size of ${mapText(map.map)}, and there are only ${bytesText(room)}`,
    fix: `Hand over a variable of the type that the map declares as its ${parameter} (${bytesText(size)}), or declare the map with the type of this variable.`,
  }
}

export function stackBounds(scene: Scene): Advice {
  const argument = mapArgument(scene)
  if (argument !== undefined) return argument
  const { value } = scene
  const where =
    value !== undefined && baseType(value.reg.type) === PTR_TO_STACK
      ? ` at ${offsetText(scene, value.reg)} from its top`
      : ''
  return {
    reason: `${accessText(scene)} of the stack${where}, outside of the 512 bytes that the function has, or of the buffer that it points to`,
    fix:
      scene.index === undefined
        ? 'Give the real size of the buffer (sizeof), and stay within it.'
        : boundFix(scene, scene.index),
  }
}

/** What a byte of a map's key or value is: `, padding after its member proto,`. */
function memberAt(scene: Scene, byte: number): string {
  const { value } = scene
  const parameter = value === undefined ? undefined : scene.parameter(value.regno)
  const map = scene.register(1)?.reg
  if (map === undefined || baseType(map.type) !== CONST_PTR_TO_MAP) return ''
  const { btf, btfKeyType, btfValueType } = map.map
  const id = parameter === 'key' ? btfKeyType : parameter === 'value' ? btfValueType : undefined
  const type = btf === undefined || id === undefined ? undefined : btf.resolve(id)
  if (btf === undefined || type?.kind !== 'struct') return ''
  let before = ''
  for (const member of type.members) {
    const offset = member.bitOffset >> 3
    if (byte < offset) break
    if (byte < offset + btf.sizeOf(member.type)) return ` (its member ${member.name})`
    before = member.name
  }
  return before === '' ? '' : ` (padding after its member ${before})`
}

export function uninitialisedStack(scene: Scene): Advice {
  const { value, insn } = scene
  const [, start, byte, length] = /off (-?\d+)\+(\d+) size (\d+)/.exec(scene.message) ?? []
  const size = length === undefined ? scene.accessSize : Number(length)
  const which = byte === undefined ? 'some of which were' : `of which byte ${byte}${memberAt(scene, Number(byte))} was`
  const named = insn?.kind === 'call' && value?.name !== undefined
  const place = named
    ? ` at ${scene.who(value)}`
    : start === undefined
      ? ' of the stack'
      : ` of the stack at fp${start}`
  const variable = /^&?([A-Za-z_]\w*)$/.exec(named ? value.name! : '')?.[1] ?? 'variable'
  return {
    reason: `${insn?.kind === 'call' ? scene.callee : 'this'} reads ${size === undefined ? 'bytes' : bytesText(size)}${place}, ${which} never written`,
    fix: `Set the whole variable to zero where it is declared, before its members; that includes the padding between them:\n  __builtin_memset(&${variable}, 0, sizeof(${variable}));`,
  }
}

export function corruptSpill(): Advice {
  return {
    reason: 'this reads or overwrites a part of a pointer that is kept on the stack',
    fix: 'Read and write the variable in its own size, and do not go over the end of a neighbouring array.',
  }
}

export function variableOffset(scene: Scene): Advice {
  const { value, index } = scene
  const what = value === undefined ? 'this memory' : targetText(value.reg)
  const known = index === undefined ? '' : `: ${indexText(scene, index)}`
  return {
    reason: `${what} is accessed at an offset that is not a constant${known}`,
    fix: 'Access it at constant offsets: unroll the loop, or choose the member with if or switch.',
  }
}

export function specialField(scene: Scene): Advice {
  return {
    reason: `this touches a member that only helpers may (a lock, a timer, a kernel pointer): ${scene.message}`,
    fix: 'Go through its helpers (bpf_spin_lock, bpf_timer_*, bpf_kptr_xchg), and copy structs member by member around it.',
  }
}

/** Program types with the same context that may read what this one may not. */
function typesThatMayRead({ env }: Scene, off: number, size: number): string[] {
  const { context } = env.programType
  return [...env.platform.programTypes.values()]
    .filter((type) => context !== undefined && type.context?.name === context.name && type.name !== env.program.type)
    .filter((type) => type.rules?.contextAccess(off, size, false, undefined) !== undefined)
    .map((type) => type.name)
    .slice(0, 6)
}

export function contextAccess(scene: Scene): Advice {
  const off = scene.number('off')
  const size = scene.accessSize ?? scene.number('size')
  const { rules } = scene.env.programType
  if (rules?.plainMemory === true) {
    return {
      reason: `${accessText(scene)}${off === undefined ? '' : ` at offset ${off}`} of the memory that r1 points to, which has ${bytesText(rules.contextSize)}`,
      fix: 'Give the program more memory, or access less of it.',
    }
  }
  const { context } = scene.env.programType
  const struct = context === undefined ? 'the context' : `struct ${context.name}`
  const field =
    off === undefined ? undefined : context?.fields.find((one) => one.offset <= off && off < one.offset + one.size)
  const inField = off !== undefined && field !== undefined
  const which = inField ? `${struct}.${field.name}` : `${struct}${off === undefined ? '' : ` at offset ${off}`}`
  const writes = scene.verb === 'writes' || scene.verb === 'updates'
  const beyond = off !== undefined && context !== undefined && off >= context.size
  const attach = scene.env.program.attachType === undefined ? '' : ` attached as ${scene.env.program.attachType}`
  const reason = `programs of type ${scene.type}${attach} may not ${writes ? 'write' : 'read'} ${size === undefined || (inField && size === field.size) ? '' : `${bytesText(size)} of `}${which}${beyond ? `, which ends at ${context.size}` : ''}`
  if (inField && size !== undefined && size !== field.size && !writes) {
    return {
      reason,
      fix: `Read the member whole, with its own type (${field.size * 8} bits), and cut the value afterwards.`,
    }
  }
  const others = inField && !writes ? typesThatMayRead(scene, off, size ?? field.size) : []
  if (others.length > 0) {
    const inPacket = field!.name === 'data' || field!.name === 'data_end' || field!.name === 'data_meta'
    return {
      reason,
      fix: `Programs of type ${others.join(', ')} may; the section name (SEC("…")) says what type a program is. ${inPacket ? 'Here, copy what you need of the packet with bpf_skb_load_bytes().' : 'Here, do without this member.'}`,
    }
  }
  return {
    reason,
    fix: writes
      ? 'Most members are for reading only; use the helper that changes it, if there is one.'
      : 'Use the context that this program type has (and its own struct, not that of another type), and no member that this kind of program does not see.',
  }
}

export function contextModified(scene: Scene): Advice {
  if (scene.value !== undefined && !scene.value.reg.scalar.isConstant) return variableOffset(scene)
  return {
    reason: `the context pointer was changed before it is used: ${scene.message}`,
    fix: 'Keep the context pointer as it came. Access its members by name (ctx->member): the compiler then puts the offset into the access.',
  }
}
