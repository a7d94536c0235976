/**
 * Why a value may not be used as it is: a register without a value, a pointer that may be NULL, arithmetic on pointers,
 * leaks, return values.
 * @module
 */
import { baseType, maybeNull, PTR_TO_CTX, PTR_TO_MAP_VALUE, SCALAR_VALUE } from '../../types.ts'
import type { Advice, NamedValue, Scene } from '../scene.ts'
import { insnText } from '../value-history.ts'
import { mapText, numberText, rangeText, regWords, targetText } from '../words.ts'
import { defaultReturn, leave } from './leaving.ts'
import { boundFix, moduloText, notNegativeFix, variableOffset } from './memory.ts'
import { copyChecked, variableName } from './sizes.ts'

export function uninitialisedRegister(scene: Scene): Advice {
  const { value, origin, insn } = scene
  const regno = value?.regno ?? 0
  if (insn?.kind === 'exit') {
    return {
      reason: 'a path ends without a return value: r0 is not set',
      fix: `Return something on every path: return ${defaultReturn(scene)};`,
    }
  }
  if (origin.kind === 'clobbered') {
    return {
      reason: `r${regno} has no value any more: ${origin.name} was called before, and calls leave r1 to r5 without one`,
      fix: 'Keep the value in a variable of its own before the call (in assembler: in r6 to r9, or on the stack), and use that.',
    }
  }
  const use = insn?.kind === 'call' ? `is argument ${regno} of ${scene.callee}` : 'is used'
  return {
    reason: `r${regno} ${use} and has no value on this path: nothing was put into it`,
    fix: 'Initialise the variable where it is declared, so that every path gives it a value.',
  }
}

/** How the pointer came to be NULL, perhaps. */
function nullReason(value: NamedValue): string {
  const { origin } = value.traced
  if (origin.kind === 'helper' && baseType(value.reg.type) === PTR_TO_MAP_VALUE) {
    return `${origin.name} returns NULL where ${mapText(value.reg.map)} has no such key`
  }
  if (origin.kind === 'helper' || origin.kind === 'kfunc') return `${origin.name} returns NULL when it fails`
  if (origin.kind === 'entry') return 'whoever calls the function may give it NULL'
  return 'it was not compared with NULL'
}

function nullFix(scene: Scene, value: NamedValue, when: string): string {
  const name = variableName(value)
  if (name === undefined) return `${when}: compare it with NULL, and leave where it is NULL.`
  return `${when}:\n  if (!${name})${leave(scene)}`
}

export function possiblyNull(scene: Scene): Advice {
  const { value } = scene
  if (value === undefined) return { reason: scene.message, fix: 'Compare the pointer with NULL first.' }
  const use = scene.insn?.kind === 'alu' ? 'an offset is added to it' : `this ${scene.verb} what it points to`
  return {
    reason: `${scene.who(value)} may be NULL when ${use}: ${nullReason(value)}`,
    fix: nullFix(scene, value, 'Check it, once, right after it was obtained'),
  }
}

export function argumentNull(scene: Scene): Advice {
  const { value } = scene
  if (value === undefined) return { reason: scene.message, fix: 'Compare the pointer with NULL before the call.' }
  return {
    reason: `${scene.who(value)}, argument ${value.regno} of ${scene.callee}, may be NULL: ${nullReason(value)}`,
    fix: nullFix(scene, value, 'Check it before the call'),
  }
}

/** A pointer that turned into a number, and how. */
function lostPointer(value: NamedValue): string | undefined {
  const event = value.traced.history.findLast((one) => one.kind === 'lost' && /is void/.test(one.what))
  return event?.what.replace('is void: ', '')
}

/** A pointer that was found to be NULL, on a path that goes on all the same. */
function nullNotLeft(scene: Scene, value: NamedValue): Advice | undefined {
  const event = value.traced.history.findLast((one) => one.kind === 'checked' && /is NULL here/.test(one.what))
  if (event === undefined || !value.reg.scalar.isZero) return undefined
  const { origin } = value.traced
  const where = event.source === undefined || event.source.line === 0 ? '' : ` in line ${event.source.line}`
  const found = origin.kind === 'helper' || origin.kind === 'kfunc' ? `, as ${origin.name} returned it` : ''
  const name = variableName(value)
  return {
    reason: `${scene.who(value)} is NULL when this ${scene.verb} what it points to: on this path the comparison${where} found it to be NULL${found}, and the program goes on with it`,
    fix: `Leave where it is NULL, after what has to be done then${name === undefined ? `: return ${defaultReturn(scene)};` : `:\n  if (!${name})${leave(scene)}`}`,
  }
}

export function wrongType(scene: Scene): Advice {
  const { value } = scene
  if (value === undefined) return { reason: scene.message }
  if (value.reg.type !== SCALAR_VALUE) {
    if (maybeNull(value.reg.type)) return possiblyNull(scene)
    return {
      reason: `${scene.who(value)} is ${regWords(value.reg)}, which may not be accessed like this`,
      fix: 'Use it through the helpers that take it.',
    }
  }
  const gone = lostPointer(value)
  if (gone !== undefined) {
    const reason = `${scene.who(value)} is no pointer any more when this ${scene.verb} what it points to: ${gone}`
    if (/takes back/.test(gone)) {
      const call = gone.split(' ')[0]
      return { reason, fix: `Do what has to be done with it before ${call} is called, or copy what is needed later.` }
    }
    return {
      reason,
      fix: 'After such a call, fetch the pointer again (data = (void *)(long)ctx->data; …) and repeat the check against data_end, or do the call last.',
    }
  }
  const leftNull = nullNotLeft(scene, value)
  if (leftNull !== undefined) return leftNull
  const { origin } = value.traced
  const constant = value.reg.scalar.isConstant
  const from =
    origin.kind === 'load'
      ? `it was read from ${targetText(origin.from)}, where it is a number like any other`
      : constant
        ? `it is the number ${rangeText(value.reg.scalar)}`
        : `it is a number (${rangeText(value.reg.scalar)})`
  return {
    reason: `${scene.who(value)} is used as a pointer, and ${from}`,
    fix: constant
      ? 'A constant is no address here (NULL included): check where this value comes from.'
      : `If it is an address in the kernel, copy what lies there (BPF_CORE_READ does that for members; bpf_probe_read_user reads a process). If it is a pointer of your own, it was lost on the way: by arithmetic that is not on pointers, or in a map.${variableName(value) === undefined ? '' : `\n  bpf_probe_read_kernel(&copy, sizeof(copy), ${value.name});`}`,
  }
}

export function mixedPointers(scene: Scene): Advice {
  return {
    reason: 'the same instruction accesses different kinds of memory on different paths',
    fix: `The compiler merged two accesses into one${scene.source === undefined ? '' : ' (this line)'}. Keep them apart: access the memory in both branches, with asm volatile("" ::: "memory") between them if need be.`,
  }
}

export function pointerArithmetic(scene: Scene): Advice {
  const { value, insn } = scene
  const what = value === undefined ? 'a pointer' : `${scene.who(value)}, ${regWords(value.reg)}`
  if (/pkt_end/.test(scene.message)) {
    return {
      reason: `arithmetic that is not allowed on ${what}`,
      fix: 'data_end is only for comparing: compute with data, and compare the result with data_end.',
    }
  }
  if (insn?.kind === 'alu' && insn.op !== 'add' && insn.op !== 'sub') {
    const operator = / ([-+*/%&|^<>s]+=)/.exec(insnText(scene.env, scene.slot))?.[1]
    return {
      reason: `only addition and subtraction are possible with pointers, and this is another operation${operator === undefined ? '' : ` (${operator})`} on ${what}`,
      fix: 'Do it with numbers: compute the offset from the start as a number (aligning or masking that), bound it, and add it to the pointer then.',
    }
  }
  return {
    reason: `arithmetic that is not allowed on ${what}`,
    fix: 'Only 64-bit additions and subtractions of numbers are possible with pointers, and none with sockets, the context or map addresses. Compute the offset as a number first, and add it then.',
  }
}

export function pointerOffset(scene: Scene): Advice {
  const { value, index } = scene
  if (value !== undefined && baseType(value.reg.type) === PTR_TO_CTX) return variableOffset(scene)
  const number = index ?? value
  const copied = copyChecked(scene, index, 'what is added to the pointer')
  if (copied !== undefined) return copied
  const signed = number?.traced.history.some((event) => /from -|possibly negative/.test(event.known))
  if (number !== undefined && signed === true) {
    return {
      reason: `${scene.who(number)}, which is added to a pointer, is signed and may be negative: nothing on this path keeps it from being so`,
      fix: notNegativeFix(scene, number),
    }
  }
  const known =
    number === undefined || number.reg.type !== SCALAR_VALUE ? '' : `: it is ${rangeText(number.reg.scalar)}`
  return {
    reason: `the offset that is added to a pointer${number === undefined ? '' : `, ${scene.who(number)},`} is too large or may be negative${known}${moduloText(number)}`,
    fix: boundFix(scene, index),
  }
}

export function divisionByZero(): Advice {
  return {
    reason: 'this divides by the constant zero',
    fix: 'Take out the division; the compiler found that the divisor is always 0.',
  }
}

export function invalidShift(scene: Scene): Advice {
  const shift = scene.number('shift')
  return {
    reason: `this shifts by ${shift ?? 'a constant'}, which is not less than the width of the value`,
    fix: 'Shift by 0 to 63 (by 0 to 31 for 32-bit values).',
  }
}

export function framePointerWrite(): Advice {
  return { reason: 'this writes to r10, the frame pointer', fix: 'Copy r10 to another register and change that.' }
}

export function pointerLeak(scene: Scene): Advice {
  const { value, insn } = scene
  const what = value === undefined ? 'an address' : `an address (${scene.who(value)}, ${regWords(value.reg)})`
  const target = insn !== undefined && 'base' in insn ? scene.register(insn.base) : undefined
  const where =
    insn?.kind === 'exit'
      ? 'would be the return value'
      : insn?.kind === 'call'
        ? `would go to ${scene.callee}`
        : target === undefined || target.regno === value?.regno
          ? 'would become a number, or go where others may read it'
          : `would be stored in ${targetText(target.reg)}, where others may read it`
  return {
    reason: `${what} ${where}`,
    fix: 'Programs of untrusted authors must not give away addresses: store a number instead, or what the pointer points to. (--author trusted judges as for root.)',
  }
}

export function pointerComparison(scene: Scene): Advice {
  return {
    reason: `${scene.who(scene.value)}, a pointer, is compared with something that would tell its address`,
    fix: 'Compare pointers only with NULL, and packet pointers with data_end. (--author trusted judges as for root.)',
  }
}

export function speculation(scene: Scene): Advice {
  return {
    reason: `a mispredicting CPU could read what it may not: ${scene.message}`,
    fix: 'Add to pointers in one direction only, with a bounded number, or judge it as a trusted program (--author trusted).',
  }
}

function rangeWords(min: number, max: number): string {
  if (min === max) return numberText(min)
  return `${numberText(min)} ${max === min + 1 ? 'or' : 'to'} ${numberText(max)}`
}

/** What to return instead of a number that may be anything. */
function boundedReturn(value: NamedValue, range: ReturnRange | undefined, allowed: string): string {
  const constant = `Return a constant on every path, ${allowed}`
  const name = variableName(value)
  if (range === undefined || range.max !== range.min + 1 || name === undefined) return `${constant}.`
  return `${constant}, as in return ${name} ? ${numberText(range.max)} : ${numberText(range.min)};`
}

interface ReturnRange {
  readonly min: number
  readonly max: number
}

export function returnValue(scene: Scene): Advice {
  const { value, rejection } = scene
  const range = rejection.facts['range'] as ReturnRange | undefined
  const allowed = range === undefined ? 'what its type allows' : rangeWords(range.min, range.max)
  const attach = scene.env.program.attachType === undefined ? '' : ` attached as ${scene.env.program.attachType}`
  const known = value === undefined ? 'unknown' : regWords(value.reg)
  return {
    reason: `the program returns ${known}, and programs of type ${scene.type}${attach} must return ${allowed}`,
    fix:
      value !== undefined && value.reg.type === SCALAR_VALUE && !value.reg.scalar.isConstant
        ? boundedReturn(value, range, allowed)
        : `Return ${allowed}.`,
  }
}
