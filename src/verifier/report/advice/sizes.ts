/**
 * Why a size that is handed to a call is refused, and what would make it good.
 * @module
 */
import { signatureFor } from '../../../spec/helper-signatures.ts'
import { baseType, PTR_TO_STACK } from '../../types.ts'
import type { Advice, NamedValue, Scene } from '../scene.ts'
import { argumentText } from '../source-names.ts'
import { rangeText } from '../words.ts'
import { leave } from './leaving.ts'
import { regionSize } from './regions.ts'

/** `` `len` (r4), the len that bpf_xdp_load_bytes is given, ``. */
function sizeText(scene: Scene, value: NamedValue | undefined): string {
  if (value === undefined) return `the size that ${scene.callee} is given`
  return `${scene.who(value)}, the ${scene.parameter(value.regno) ?? 'size'} that ${scene.callee} is given,`
}

/** A name that is a variable's, not an expression. */
export function variableName(value: NamedValue | undefined): string | undefined {
  const name = value?.name
  return name !== undefined && /^[A-Za-z_][\w.>-]*$/.test(name) ? name : undefined
}

/** The most that the buffer before a size has room for, as code; undefined where that cannot be told. */
function roomText(scene: Scene, value: NamedValue): string | undefined {
  const buffer = scene.register(value.regno - 1)
  if (buffer === undefined) return undefined
  const { reg } = buffer
  const size = regionSize(reg)
  if (size !== undefined && reg.scalar.isConstant) return String(size - reg.off - reg.scalar.constant)
  if (baseType(reg.type) !== PTR_TO_STACK || scene.source === undefined) return undefined
  const text = argumentText(scene.source.text, scene.callee, value.regno - 2)
  const variable = text === undefined ? null : /^&?([A-Za-z_]\w*)$/.exec(text)
  return variable === null ? undefined : `sizeof(${variable[1]})`
}

function mayBeZero(scene: Scene, value: NamedValue): boolean {
  const { helper } = scene
  const kind = helper === undefined ? undefined : signatureFor(helper, scene.type)?.args[value.regno - 1]?.kind
  return kind !== 'const_size'
}

/** `Check it before the call: if (…) return …;`, both bounds. */
function checkFix(scene: Scene, value: NamedValue | undefined, intro: string): string {
  const name = variableName(value)
  const room = value === undefined ? undefined : roomText(scene, value)
  const zero = value !== undefined && !mayBeZero(scene, value)
  if (name === undefined || room === undefined) {
    const which = name === undefined ? 'the size' : `\`${name}\``
    return `${intro} ${which} must ${zero ? 'be at least 1, and ' : ''}not be larger than the buffer.`
  }
  return `${intro}\n  if (${zero ? `${name} == 0 || ` : ''}${name} > ${room})${leave(scene)}`
}

const NARROW =
  /^(?:const\s+)?(?:unsigned\s+int|unsigned|signed|int|__[us](?:8|16|32)|[us](?:8|16|32)|u?int(?:8|16|32)_t)\s+(\w+)\s*=\s*[^;,]*;/
const WIDE = /^(?:const\s+)?(?:__u64|u64|uint64_t|size_t|unsigned\s+long(?:\s+long)?)\s+(\w+)\s*=/

/** How the declaration of a variable reads where it was made, if that line is one. */
function declaration(scene: Scene, value: NamedValue): { readonly wide: boolean; readonly text: string } | undefined {
  const text = scene.originSource(value)?.text.trim() ?? ''
  const narrow = NARROW.exec(text)
  const wide = WIDE.exec(text)
  const name = variableName(value)
  if (name === undefined || (narrow?.[1] ?? wide?.[1]) !== name) return undefined
  return { wide: wide !== null, text: narrow?.[0] ?? text }
}

/**
 * Lines that make a variable 64 bits wide, each after a line break; empty where its declaration is not known. A compiler
 * that sees that the upper half is not needed, since it comes from a 32-bit operation, does without it: all but results
 * of calls have to be hidden from it.
 */
function wideDeclaration(scene: Scene, value: NamedValue): string {
  const declared = declaration(scene, value)
  if (declared === undefined) return ''
  const name = variableName(value)!
  const { kind } = value.traced.origin
  const wide = declared.text.replace(new RegExp(`^.*?(?=\\b${name}\\s*=)`), () => '__u64 ')
  return `\n  ${wide}${kind === 'helper' || kind === 'kfunc' ? '' : `\n  barrier_var(${name});`}`
}

/**
 * Where a comparison of this path looked at a copy of the lower 32 bits only. `use` is how the value is used: as an object
 * of a sentence.
 */
export function copyChecked(scene: Scene, value: NamedValue | undefined, use: string): Advice | undefined {
  const compared = scene.comparedCopy(value)
  if (value === undefined || compared === undefined) return undefined
  const name = variableName(value)
  const where = compared.line === 0 ? '' : ` in line ${compared.line}`
  return {
    reason: `${scene.who(value)} was checked${where} as a number of 32 bits, in a copy; ${use} is all of its 64 bits, which that check says nothing of: ${rangeText(value.reg.scalar)}`,
    fix: wideFix(scene, value, name),
  }
}

function wideFix(scene: Scene, value: NamedValue, name: string | undefined): string {
  if (name !== undefined && declaration(scene, value)?.wide === true) {
    return `\`${name}\` has 64 bits, but the compiler saw that it needs 32 only. Hide from it what the value is, before it is checked (barrier_var is in bpf_helpers.h):\n  barrier_var(${name});`
  }
  const lines = wideDeclaration(scene, value)
  const which = name === undefined ? 'the variable' : `\`${name}\``
  return `Give ${which} a type of 64 bits, so that what is checked is what is used${lines === '' ? ' (__u64).' : `:${lines}`}`
}

export function sizeMayBeNegative(scene: Scene): Advice {
  const { value } = scene
  const copied = copyChecked(scene, value, `what ${scene.callee} is given`)
  if (copied !== undefined) return copied
  const known = value === undefined ? '' : `: it is ${rangeText(value.reg.scalar)}`
  const reason = `${sizeText(scene, value)} may be negative${known}`
  const name = variableName(value)
  const which = name === undefined ? 'the size' : `\`${name}\``
  if (value?.traced.extended === 'sign') {
    return {
      reason,
      fix: `Make ${which} unsigned and 64 bits wide (__u64), or rule the negative values out:\n  if (${name ?? 'size'} < 0)${leave(scene)}`,
    }
  }
  const declared = value === undefined ? '' : wideDeclaration(scene, value)
  return {
    reason,
    fix: checkFix(
      scene,
      value,
      `Keep ${which} in an unsigned variable of 64 bits (__u64), and check that before the call:${declared}`,
    ),
  }
}

export function sizeUnbounded(scene: Scene): Advice {
  const { value } = scene
  const known = value === undefined ? '' : `: it is ${rangeText(value.reg.scalar)}`
  return (
    copyChecked(scene, value, `what ${scene.callee} is given`) ?? {
      reason: `${sizeText(scene, value)} has no upper bound${known}`,
      fix: checkFix(scene, value, 'Check it before the call, against the size of the buffer:'),
    }
  )
}

export function argumentSize(scene: Scene): Advice {
  const { value, rejection } = scene
  if (rejection.facts['mustBeConstant'] === true) return notConstant(scene)
  const known = value === undefined ? 'an unknown number of bytes' : rangeText(value.reg.scalar)
  if (value !== undefined && value.reg.scalar.umin === 0) {
    return (
      copyChecked(scene, value, `what ${scene.callee} is given`) ??
      comparedAsPointers(scene, value) ?? {
        reason: `${sizeText(scene, value)} may be 0, which is no size here: it is ${known}`,
        fix: checkFix(scene, value, 'Check it before the call:'),
      }
    )
  }
  return {
    reason: `${sizeText(scene, value)} does not fit what it is the size of: it is ${known}`,
    fix: checkFix(scene, value, 'Check it before the call:'),
  }
}

function notConstant(scene: Scene): Advice {
  const known = scene.value === undefined ? 'not known' : rangeText(scene.value.reg.scalar)
  return {
    reason: `the size that ${scene.callee} is given has to be a constant, the same on every path, and here it is ${known}`,
    fix: 'Reserve as much as the largest record needs (sizeof of a struct with a buffer of fixed size), and say in a member how much of it is used; or build the record elsewhere (on the stack, in a per-CPU array) and send it with bpf_ringbuf_output(), which takes a size that varies.',
  }
}

/** A length that is the difference of two pointers: compilers compare these instead of the length with 0. */
function comparedAsPointers(scene: Scene, value: NamedValue): Advice | undefined {
  const compared = scene.comparedPointers(value)
  if (compared === undefined) return undefined
  const name = variableName(value) ?? 'length'
  return {
    reason: `${sizeText(scene, value)} is ${rangeText(value.reg.scalar)}: the check against 0${compared.line === 0 ? '' : ` in line ${compared.line}`} was compiled into a comparison of the two pointers that it is the difference of, and the number learns nothing from that`,
    fix: `Hide from the compiler where the number comes from, before it is checked (barrier_var is in bpf_helpers.h):\n  barrier_var(${name});`,
  }
}
