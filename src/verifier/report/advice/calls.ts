/**
 * Why a call is refused, or a resource, a lock, a callback; and what would make it good.
 * @module
 */
import type { Platform } from '../../../spec/index.ts'
import { baseType, CONST_PTR_TO_MAP, SCALAR_VALUE } from '../../types.ts'
import type { Advice, Scene } from '../scene.ts'
import { argumentText, assignedName } from '../source-names.ts'
import { sourceAt } from '../value-history.ts'
import { helperName, mapText, regWords } from '../words.ts'
import { argumentNull } from './values.ts'

function argument(scene: Scene): string {
  const { value } = scene
  if (value === undefined) return 'an argument'
  const parameter = scene.parameter(value.regno)
  return `argument ${value.regno}${parameter === undefined ? '' : ` (${parameter})`} of ${scene.callee}`
}

/** A function that is not static, whose parameters have types that say too little. */
function globalFunction(name: string): Advice {
  return {
    reason: `${name}() is not static, so it is verified on its own, for all arguments that the types of its parameters allow; and types like void *, or of packet pointers, do not say what may be accessed through them`,
    fix: `Make ${name}() static: it is then verified where it is called, with what is known there. Or give it parameters whose types say enough: numbers, the context, pointers to structs of known size.`,
  }
}

export function argumentType(scene: Scene): Advice {
  const { value, rejection } = scene
  const { contract } = rejection.facts
  if (typeof contract === 'string') return globalFunction(contract)
  if (value === undefined) return { reason: `${scene.callee} cannot take this: ${scene.message}` }
  if (value.reg.type === SCALAR_VALUE && value.reg.scalar.isZero) return argumentNull(scene)
  const expected = rejection.facts['expected']
  const wants = Array.isArray(expected) ? expectedWords(expected.map(String)) : undefined
  const reason = `${argument(scene)} is ${regWords(value.reg)}${wants === undefined ? `: ${scene.message}` : `, and has to be ${wants}`}`
  return { reason, fix: argumentFix(expected) }
}

const EXPECTED_WORDS: Readonly<Record<string, string>> = {
  __proto__: null as never,
  fp: 'the stack',
  pkt: 'the packet',
  pkt_meta: 'packet metadata',
  map_key: 'a map key',
  map_value: 'a map value',
  mem: 'memory of known size',
  ringbuf_mem: 'a ring-buffer record',
  buf: 'a buffer',
  ctx: 'the context',
  map_ptr: 'the address of a map',
  sock: 'a socket',
  sock_common: 'a socket',
  tcp_sock: 'a TCP socket',
  xdp_sock: 'an AF_XDP socket',
  func: 'a function',
}

function expectedWords(types: readonly string[]): string {
  const words = [...new Set(types.map((type) => EXPECTED_WORDS[type] ?? '').filter((word) => word !== ''))]
  if (words.length === 0) return types.join(' or ')
  return words.length === 1
    ? `a pointer to ${words[0]}`.replace('a pointer to the address of a map', 'the address of a map')
    : `a pointer to one of: ${words.join(', ')}`
}

function argumentFix(expected: unknown): string {
  const types = Array.isArray(expected) ? expected.map(String) : []
  if (types.includes('ctx')) return 'Hand over the context as the program got it (its first argument), unchanged.'
  if (types.includes('map_ptr')) return 'Hand over the address of the map itself: &map.'
  if (types.includes('fp') || types.includes('map_value')) {
    return 'Hand over the address of a variable on the stack, of a map value or of checked packet bytes: copy the data into a local variable first, and hand over its address.'
  }
  return 'Look at the prototype of the function (bpf-helpers(7)) and hand over what it names, in that order.'
}

export function argumentValue(scene: Scene): Advice {
  return {
    reason: `${argument(scene)} has a value that is not possible there: ${scene.message}`,
    fix: 'Hand over a constant, or what the function is meant to take; see bpf-helpers(7).',
  }
}

export function mapMismatch(scene: Scene): Advice {
  const map = [1, 2]
    .map((regno) => scene.register(regno))
    .find((one) => one !== undefined && baseType(one.reg.type) === CONST_PTR_TO_MAP)
  const what = map === undefined ? 'this map' : mapText(map.reg.map)
  const type = map === undefined ? undefined : scene.env.platform.mapTypes.get(map.reg.map.type)?.name
  return {
    reason: `${scene.callee} cannot work on ${what}${type === undefined ? '' : `, a map of type ${type}`}`,
    fix: `Use a map of the type that ${scene.callee} is for, or the function that is for this type.`,
  }
}

export function unknownFunction(scene: Scene): Advice {
  const { insn } = scene
  if (insn?.kind === 'call' && insn.target === 'helper') {
    return {
      reason: `there is no helper ${insn.imm} on ${scene.env.platform.name}`,
      fix: 'Use a platform that has it (--platform), or test at run time whether it exists.',
    }
  }
  return {
    reason: `${scene.callee} is not known: ${scene.message}`,
    fix: 'Declare it __weak and call it only if it exists (bpf_ksym_exists), or give the BTF of a kernel that has it (--btf).',
  }
}

/** Program types that may call a helper. */
function typesThatMayCall(platform: Platform, id: number): string[] {
  const helper = platform.helpers.get(id)
  if (helper === undefined) return []
  return [...platform.programTypes.values()]
    .filter((type) => type.rules?.allowsHelper(helper, undefined) === true)
    .map((type) => type.name)
}

/** Helpers that this program may call and that end in the same words: `xdp_load_bytes` for `skb_load_bytes`. */
function siblings(scene: Scene, id: number): string[] {
  const { platform, programType, program } = scene.env
  const words = platform.helpers.get(id)?.name.split('_') ?? []
  const ending = `_${words.slice(1).join('_')}`
  if (words.length < 3) return []
  return [...platform.helpers.values()]
    .filter((one) => one.id !== id && one.name.endsWith(ending))
    .filter((one) => programType.rules?.allowsHelper(one, program.attachType) === true)
    .map((one) => `bpf_${one.name}`)
}

function deviceBound(scene: Scene): Advice {
  return {
    reason: `${scene.callee} asks a network device what it knows of a packet, and may be called by programs that are bound to one device only: it depends on its driver`,
    fix: 'Bind the program to the device when it is loaded (bpf_program__set_ifindex, with the flag BPF_F_XDP_DEV_BOUND_ONLY). There are no devices here, so no program can be bound to one.',
  }
}

/** Which program types a kernel function is for. */
function kfuncFix({ env, callee }: Scene): string {
  const types = env.platform.kfuncs?.get(callee)?.programTypes
  return types === undefined || types.length === 0
    ? 'Do without it in this program type.'
    : `It is for programs of type ${types.join(', ')}; the section name (SEC("…")) says what type a program is.`
}

export function helperNotAllowed(scene: Scene): Advice {
  const { insn, env } = scene
  const reason = `programs of type ${scene.type} may not call ${scene.callee}`
  if (scene.rejection.facts['deviceBound'] === true) return deviceBound(scene)
  if (insn?.kind !== 'call' || insn.target !== 'helper') return { reason, fix: kfuncFix(scene) }
  const types = typesThatMayCall(env.platform, insn.imm)
  const instead = siblings(scene, insn.imm)
  const others = types.filter((type) => type !== scene.type)
  if (others.length === 0) return { reason, fix: 'No program type may call it here; do without it.' }
  const listed =
    others.length > 6 ? `${others.slice(0, 6).join(', ')} and ${others.length - 6} more` : others.join(', ')
  return {
    reason,
    fix:
      instead.length > 0
        ? `Call ${instead.join(' or ')} instead: that one is for programs of type ${scene.type}. ${scene.callee} is for ${listed}; the section name (SEC("…")) says what type a program is.`
        : `It is for programs of type ${listed}. Check the section name (SEC("…")), which says what type this program is, or use a helper that does the same here.`,
  }
}

export function gplOnly(scene: Scene): Advice {
  const license = scene.env.program.license
  return {
    reason: `${scene.callee === 'the call' ? 'this' : scene.callee} is for programs under a GPL-compatible licence, and this one has ${license === '' ? 'none' : JSON.stringify(license)}`,
    fix: 'State the licence, if it is so:\n  char LICENSE[] SEC("license") = "GPL";',
  }
}

/** ` find_mark()`, of the function that the instruction is in. */
function functionName({ env, slot }: Scene): string {
  const name = env.subprograms[env.subprogramOf[slot] ?? -1]?.name ?? ''
  return name === '' ? '' : ` ${name}()`
}

export function callback(scene: Scene): Advice {
  const { value } = scene
  if (scene.insn?.kind === 'exit' && value !== undefined) {
    return {
      reason: `the callback${functionName(scene)} returns ${regWords(value.reg)}, and callbacks must return 0 (go on) or 1 (stop)`,
      fix: 'Return the constant 0 or 1 from the callback; hand other results out through its context argument.',
    }
  }
  return {
    reason: `this callback is not possible: ${scene.message}`,
    fix: 'A callback is a static function of this program, with the parameters that the helper names, returning 0 or 1.',
  }
}

export function tailCall(scene: Scene): Advice {
  return {
    reason: `this tail call is not possible: ${scene.message}`,
    fix: 'Tail-call from the main program, through a map of type prog_array, and with at most 256 bytes of stack in use.',
  }
}

export function tooManyArguments(): Advice {
  return { reason: 'a function has more than five arguments', fix: 'Hand over a pointer to a struct instead.' }
}

export function unreleasedReference(scene: Scene): Advice {
  const at = scene.number('acquiredAt')
  const insn = at === undefined ? undefined : scene.env.insns[at]
  const source = at === undefined ? undefined : sourceAt(scene.env, at)
  const reference = at === undefined ? undefined : scene.env.program.references?.get(at)
  const name =
    reference?.kind === 'kfunc'
      ? reference.name
      : insn?.kind === 'call' && insn.target === 'helper'
        ? helperName(scene.env.platform, insn.imm)
        : 'a call'
  const where =
    source === undefined || source.line === 0 ? (at === undefined ? '' : ` (insn ${at})`) : ` in line ${source.line}`
  const variable = source === undefined ? undefined : assignedName(source.text, source.column)
  const end = scene.insn?.kind === 'call' ? `before ${scene.callee} is called` : 'before the program ends'
  return {
    reason: `${variable === undefined ? `what ${name} returned${where}` : `\`${variable}\`, which ${name} returned${where},`} is not given back on this path ${end}`,
    fix: `${releaseOf(name, variable)}. Mind early returns between taking and giving back.`,
  }
}

/** How to give back what a function returned; `$` stands for the variable. */
const RELEASES: Readonly<Record<string, string>> = {
  __proto__: null as never,
  bpf_ringbuf_reserve: 'Call bpf_ringbuf_submit($, 0) or bpf_ringbuf_discard($, 0) on every path where `$` is not NULL',
  bpf_sk_lookup_tcp: 'Call bpf_sk_release($) on every path where `$` is not NULL',
  bpf_sk_lookup_udp: 'Call bpf_sk_release($) on every path where `$` is not NULL',
  bpf_skc_lookup_tcp: 'Call bpf_sk_release($) on every path where `$` is not NULL',
  bpf_ringbuf_reserve_dynptr:
    'Call bpf_ringbuf_submit_dynptr or bpf_ringbuf_discard_dynptr on every path, also where it failed',
  bpf_kptr_xchg: 'Release what bpf_kptr_xchg returned, or put it into a map with bpf_kptr_xchg again',
}

function releaseOf(name: string, variable = 'pointer'): string {
  const how = RELEASES[name] ?? 'Give `$` back on every path, with the function that belongs to it'
  return how.replaceAll('$', () => variable)
}

export function invalidRelease(scene: Scene): Advice {
  const { value } = scene
  return {
    reason: `${argument(scene)} is not something that can be given back here: ${value === undefined ? scene.message : regWords(value.reg)}`,
    fix: 'Give back what the acquiring function returned, unchanged, once, and only if it is not NULL.',
  }
}

export function iterator(scene: Scene): Advice {
  return {
    reason: `the iterator is not used as iterators are: ${scene.message}`,
    fix: 'Make it with bpf_iter_*_new, call next until it returns NULL, and destroy it on every path; or use the bpf_for macros.',
  }
}

export function dynptr(scene: Scene): Advice {
  return {
    reason: `the dynptr is not used as dynptrs are: ${scene.message}`,
    fix: 'Keep it in a variable of type struct bpf_dynptr on the stack, initialise it once, check the slices that it gives for NULL, and touch it through its functions only.',
  }
}

export function lockHeld(scene: Scene): Advice {
  const ends = scene.insn?.kind === 'exit'
  const what = ends ? 'the program ends' : scene.insn?.kind === 'call' ? `${scene.callee} is called` : 'this happens'
  const lock = scene.env.cur?.references.findLast((one) => one.kind !== 'object' && one.kind !== 'irq')
  const taken = lock === undefined ? undefined : sourceAt(scene.env, lock.insn)
  const argument = taken === undefined ? undefined : argumentText(taken.text, 'bpf_spin_lock', 0)
  return {
    reason: `${what} while a lock is held${taken === undefined || taken.line === 0 ? '' : `, which was taken in line ${taken.line}`}`,
    fix: ends
      ? `Call bpf_spin_unlock(${argument ?? '&value->lock'}) on every path before the program ends: also before an early return.`
      : `Call nothing but helpers for locked data between bpf_spin_lock and bpf_spin_unlock: do this before, or after bpf_spin_unlock(${argument ?? '&value->lock'}).`,
  }
}

export function lockMissing(scene: Scene): Advice {
  return {
    reason: `the lock that this needs is not the one that is held: ${scene.message}`,
    fix: 'Take the lock first, in the same map value or object, and release the same one.',
  }
}

export function criticalSection(scene: Scene): Advice {
  return {
    reason: `a critical section is still open, or something is done in it that may not be: ${scene.message}`,
    fix: 'Close the section (bpf_rcu_read_unlock, bpf_preempt_enable, bpf_local_irq_restore) on every path before this.',
  }
}

export function sleepable(scene: Scene): Advice {
  return {
    reason: `${scene.insn?.kind === 'call' ? `${scene.callee} may sleep, and` : 'sleeping:'} this program or this place may not: ${scene.message}`,
    fix: 'Use a sleepable section (with `.s`, as in fentry.s/…), outside of locks and RCU sections, or a function that does not sleep.',
  }
}
