/**
 * Differences of types as text: a line for each type, and one for each part that changed.
 * @module
 */
import type { BtfChange, BtfDifference, BtfDiffMember } from '../diff.ts'

const SIGN = { added: '+', removed: '-', changed: '~' } as const

/** `~ struct flow` and below it `~ packets: __u32 at 8 → __u64 at 16`; empty text if nothing changed. */
export function formatBtfDiff(differences: readonly BtfDifference[]): string {
  let text = ''
  for (const { kind, name, status, changes } of differences) {
    text += `${SIGN[status]} ${kind} ${name}\n`
    for (const change of changes) text += `    ${changeText(change)}\n`
  }
  return text
}

function changeText(change: BtfChange): string {
  switch (change.what) {
    case 'size':
      return `~ size: ${change.before} → ${change.after} bytes`
    case 'type':
      return `~ type: ${change.before} → ${change.after}`
    case 'value':
      return parts(change.name, change.before, change.after, String)
    case 'member':
      return parts(change.name, change.before, change.after, memberText)
  }
}

function parts<T>(name: string, before: T | undefined, after: T | undefined, text: (value: T) => string): string {
  if (before === undefined) return `+ ${name}: ${text(after!)}`
  if (after === undefined) return `- ${name}: ${text(before)}`
  return `~ ${name}: ${text(before)} → ${text(after)}`
}

function memberText({ type, bitOffset, bitSize }: BtfDiffMember): string {
  const bit = bitOffset % 8
  const place = `${Math.floor(bitOffset / 8)}${bitSize > 0 || bit > 0 ? `, bit ${bit}` : ''}`
  return `${type} at ${place}${bitSize > 0 ? `, ${bitSize} bits` : ''}`
}
