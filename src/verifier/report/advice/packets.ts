/**
 * Why an access to a packet is refused: what was compared with its end, what that proves, and what would.
 * @module
 */

import type { Reg } from '../../state.ts'
import { baseType, PTR_TO_PACKET, PTR_TO_PACKET_META } from '../../types.ts'
import { MAX_PACKET_OFFSET, type PacketComparison } from '../packet-facts.ts'
import type { Advice, NamedValue, Scene } from '../scene.ts'
import { accessedPointer } from '../source-names.ts'
import { bytesText, numberText, rangeText, targetText } from '../words.ts'
import { leave } from './leaving.ts'
import { insnOffset } from './regions.ts'
import { variableName } from './sizes.ts'

export function packetBounds(scene: Scene): Advice {
  const { value } = scene
  if (value === undefined || !isPacket(value.reg)) {
    return { reason: scene.message, fix: 'Compare the pointer with data_end first.' }
  }
  const { reg } = value
  const { umax } = reg.scalar
  if (!(umax + reg.off <= MAX_PACKET_OFFSET)) {
    return reg.scalar.isConstant ? tooFar(value) : offsetTooLarge(scene, value)
  }
  const size = scene.number('size') ?? scene.accessSize ?? 1
  const action = scene.insn?.kind === 'call' ? `${scene.callee} accesses` : `this ${scene.verb}`
  const through = value.name === undefined ? '' : ` through ${scene.who(value)},`
  const where = reg.scalar.isConstant
    ? `at offset ${numberText(reg.off + insnOffset(scene) + reg.scalar.constant)}`
    : 'at a variable offset'
  return {
    reason: `${action} ${bytesText(size)}${through} ${where} of ${targetText(reg)}, ${known(scene, reg)}`,
    fix: comparisonFix(scene, value, size),
  }
}

function isPacket(reg: Reg): boolean {
  return baseType(reg.type) === PTR_TO_PACKET || baseType(reg.type) === PTR_TO_PACKET_META
}

/** What accesses through a pointer must stay below. */
function limitOf(reg: Reg): 'data_end' | 'data' {
  return baseType(reg.type) === PTR_TO_PACKET ? 'data_end' : 'data'
}

function inLine({ line }: { readonly line: number }): string {
  return line === 0 ? '' : ` in line ${line}`
}

/** What the path proves of the pointer, and why no more. */
function known(scene: Scene, reg: Reg): string {
  if (reg.aux > 0) return `of which only ${bytesText(reg.aux)} are known to be there on this path`
  const limit = limitOf(reg)
  const facts = scene.packetFacts(reg)
  if (facts.compared !== undefined) return comparedInVain(facts.compared, limit)
  const not = `which was not compared with ${limit} on this path`
  if (facts.wrongLimit !== undefined) {
    return `${not}: the comparison${inLine(facts.wrongLimit)} is with data_end, and metadata ends where the packet begins, at data`
  }
  if (facts.difference !== undefined) {
    return `${not}: the difference of pointers${inLine(facts.difference)} is a number like any other to the verifier, and proves nothing`
  }
  return facts.othersCompared ? `${not} (comparisons of other pointers do not count)` : not
}

function comparedInVain({ source, strict }: PacketComparison, limit: string): string {
  const where = source === undefined ? ' on this path' : inLine(source)
  return strict
    ? `of which nothing is known to be there: that the pointer lies before ${limit}, as compared${where}, is not enough for the verifier; it wants the end of what is read compared`
    : `of which nothing is known to be there: the comparison${where} proves nothing of what lies behind the pointer`
}

function offsetTooLarge(scene: Scene, value: NamedValue): Advice {
  const { reg } = value
  const number = scene.index
  const more = reg.off > 0 ? `, and ${reg.off} more are added` : ''
  const name = variableName(number)
  const what = name === undefined ? 'it' : `\`${name}\``
  return {
    reason: `the offset into the packet${number?.name === undefined ? '' : `, ${scene.who(number)},`} may be larger than any packet, so that comparing with ${limitOf(reg)} tells nothing: it is ${rangeText(number?.reg.scalar ?? reg.scalar)}${more}, and only offsets up to ${MAX_PACKET_OFFSET} are followed`,
    fix: `Bound ${what} ${name === undefined ? 'by what a packet may have (1500, say) ' : ''}before the pointer is compared with ${limitOf(reg)}${name === undefined ? '.' : `:\n  if (${name} > 1500)${leave(scene)}`}`,
  }
}

/** A pointer that a loop moved beyond what Linux follows. */
function tooFar({ reg }: NamedValue): Advice {
  return {
    reason: `the packet is followed to offset ${reg.off + reg.scalar.constant} on this path, and comparisons with ${limitOf(reg)} count up to offset ${MAX_PACKET_OFFSET} only`,
    fix: 'Give the loop a constant bound, so that it ends before that: for (int i = 0; i < 1500; i++) { … }',
  }
}

function comparisonFix(scene: Scene, value: NamedValue, size: number): string {
  const { reg } = value
  const limit = limitOf(reg)
  const limitName = (limit === 'data_end' ? scene.packetEndName : undefined) ?? limit
  const loops = scene.movesInLoop
  // The end of a header holds for all members; a line that follows a pointer to one is enough to say so.
  const header = value.name !== undefined && scene.source?.text.includes(`${value.name}->`) === true
  const reach = header ? `(${value.name} + 1)` : reachText(scene, value, size, loops)
  if (reach === undefined) {
    return `Before this line, compare the end of what it accesses with ${limitName}, and leave where that lies beyond.`
  }
  const rounds =
    loops && !scene.countsRounds ? '\nand let a constant bound the rounds: for (int i = 0; i < 1500; i++).' : ''
  const { compared } = scene.packetFacts(reg)
  if (reg.aux <= 0 && compared?.strict === true) {
    const where = compared.source === undefined ? '' : inLine(compared.source)
    return `Compare the end of what is read${where}, in place of the pointer:\n  (void *)${reach} <= (void *)${limitName}${rounds}`
  }
  const place = loops ? 'In the loop, before each access,' : 'Before this line,'
  const what = header
    ? `: compare the end of what \`${value.name}\` points to`
    : loops
      ? ''
      : ' (or compare the end of the whole header)'
  return `${place} prove that the packet reaches so far${what}:\n  if ((void *)${reach} > (void *)${limitName})${leave(scene)}${rounds}`
}

/** The end of an access as an expression of the source: `(q + i + 1)`, `data + 14`. */
function reachText(scene: Scene, value: NamedValue, size: number, loops: boolean): string | undefined {
  const { reg } = value
  const pointer =
    scene.source === undefined || scene.insn?.kind === 'call'
      ? undefined
      : accessedPointer(scene.source.text, scene.source.column)
  const index = /^(.+ \+ )(\d+)$/.exec(pointer ?? '')
  if (index !== null) return `(${index[1]}${Number(index[2]) + 1})`
  if (pointer !== undefined) return `(${pointer} + 1)`
  if (reg.scalar.isConstant && !loops) {
    const base = baseType(reg.type) === PTR_TO_PACKET ? 'data' : 'data_meta'
    return `${base} + ${Math.max(reg.off + reg.scalar.constant + insnOffset(scene) + size, size)}`
  }
  const name = variableName(value)
  return name === undefined ? undefined : `${name} + ${insnOffset(scene) + size}`
}
