/**
 * A control-flow graph as a DOT document for Graphviz: a cluster per subprogram, a box per block.
 *
 * Back edges are bold and blue, edges that make a region irreducible red, dead blocks and their edges grey and dashed,
 * calls dotted from cluster to cluster, and what the graph could not follow is a note at its block.
 * @see https://graphviz.org/doc/info/lang.html
 * @module
 */
import type { Cfg, CfgDefectKind } from './cfg.ts'
import { computeDominators } from './dominators.ts'
import { EDGE_BACK, EDGE_DEAD, EDGE_IRREDUCIBLE, findLoops, isLoopHeader } from './loops.ts'

export interface DotOptions {
  /** The text of the instruction at a slot; it is not asked for the second slot of a wide instruction. */
  readonly label: (slot: number) => string
  /** The name of the subprogram that starts at a slot; by default `subprogram at N`. */
  readonly subprogramName?: (entry: number) => string
  /** The name of the graph. */
  readonly name?: string
}

const DEFECT_TEXT: Readonly<Record<CfgDefectKind, string>> = {
  target_outside: 'goes outside of the program',
  target_in_wide: 'goes into the middle of a wide instruction',
  leaves_subprogram: 'leaves the subprogram',
  falls_off_end: 'falls off the end',
  unknown_targets: 'goes to an unknown place',
}

/** Ends in a line break; lines are of bounded number, linear in the program. */
export function cfgToDot(cfg: Cfg, options: DotOptions): string {
  const dominators = computeDominators(cfg)
  const loops = findLoops(cfg, dominators)
  const lines = [
    `digraph ${quote(options.name ?? 'program')} {`,
    '  node [shape=box, fontname="monospace", fontsize=10]',
    '  edge [fontname="monospace", fontsize=9]',
  ]

  const notes = defectsByBlock(cfg)
  const blockLine = (block: number, indent: string): string => {
    const text: string[] = []
    for (let slot = cfg.blockStart[block]!; slot < cfg.blockStart[block + 1]!; slot++) {
      if (cfg.insns[slot]!.kind !== 'wide_tail') text.push(`${slot}: ${options.label(slot)}`)
    }
    text.push(...(notes.get(block) ?? []))
    const styles: string[] = []
    if (cfg.live[block] === 0) styles.push('style=dashed', 'color=gray', 'fontcolor=gray')
    else if (loops.regionOfBlock[block] !== -1) styles.push('color=red')
    if (isLoopHeader(loops, block)) styles.push('peripheries=2')
    return `${indent}b${block} [${[`label=${quoteLines(text)}`, ...styles].join(', ')}]`
  }

  for (let block = 0; block < cfg.blockCount && cfg.subprogramOfBlock[block] === -1; block++) {
    lines.push(blockLine(block, '  '))
  }
  for (const subprogram of cfg.subprograms) {
    const name = options.subprogramName?.(subprogram.entry) ?? `subprogram at ${subprogram.entry}`
    lines.push(`  subgraph ${quote(`cluster_${subprogram.index}`)} {`)
    lines.push(`    label=${quote(subprogram.live ? name : `${name} (never called)`)}`)
    if (!subprogram.live) lines.push('    style=dashed', '    color=gray', '    fontcolor=gray')
    for (let block = subprogram.firstBlock; block < subprogram.endBlock; block++) lines.push(blockLine(block, '    '))
    lines.push('  }')
  }

  for (let block = 0; block < cfg.blockCount; block++) {
    for (let edge = cfg.successorStart[block]!; edge < cfg.successorStart[block + 1]!; edge++) {
      const attributes: string[] = []
      if (edge === cfg.successorStart[block] && cfg.fallthrough[block] === cfg.successors[edge]) {
        if (cfg.taken[block] !== -1) attributes.push('label="else"')
      } else if (cfg.fallthrough[block] !== -1) {
        attributes.push('label="taken"')
      }
      const edgeClass = loops.edgeClass[edge]
      if (edgeClass === EDGE_BACK) attributes.push('style=bold', 'color=blue', 'constraint=false')
      else if (edgeClass === EDGE_IRREDUCIBLE) attributes.push('style=bold', 'color=red', 'constraint=false')
      else if (edgeClass === EDGE_DEAD) attributes.push('style=dashed', 'color=gray')
      const suffix = attributes.length === 0 ? '' : ` [${attributes.join(', ')}]`
      lines.push(`  b${block} -> b${cfg.successors[edge]}${suffix}`)
    }
  }
  for (const subprogram of cfg.subprograms) {
    for (const call of subprogram.calls) {
      const callee = cfg.subprograms[call.subprogram]!.firstBlock
      lines.push(
        `  b${cfg.blockOfSlot[call.slot]} -> b${callee} [style=dotted, constraint=false, label="${call.kind}"]`,
      )
    }
  }
  lines.push('}', '')
  return lines.join('\n')
}

function defectsByBlock(cfg: Cfg): Map<number, string[]> {
  const notes = new Map<number, string[]>()
  for (const defect of cfg.defects) {
    const block = cfg.blockOfSlot[defect.slot]!
    const target = defect.target === undefined ? '' : ` (${defect.target})`
    const note = `[insn ${defect.slot} ${DEFECT_TEXT[defect.kind]}${target}]`
    const known = notes.get(block)
    if (known === undefined) notes.set(block, [note])
    else known.push(note)
  }
  return notes
}

/** A DOT string in which nothing of the text has a meaning of its own: names come from untrusted files. */
function quote(text: string): string {
  return `"${escapeDot(text)}"`
}

/** Lines of text, aligned to the left. */
function quoteLines(lines: readonly string[]): string {
  return `"${lines.map((line) => `${escapeDot(line)}\\l`).join('')}"`
}

function escapeDot(text: string): string {
  return text.replace(/["\\]/g, '\\$&').replace(/[\p{Cc}\u2028\u2029]/gu, (c) => {
    return `\\\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
