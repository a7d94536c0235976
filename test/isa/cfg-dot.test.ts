/** DOT output: the marks it promises, and that no name of a hostile file gets out of its quotes. */
import { describe, expect, it } from 'vitest'
import { buildCfg } from '../../src/isa/cfg.ts'
import { cfgToDot } from '../../src/isa/dot.ts'
import { branch, callLocal, EXIT, goto, gotox, NOP } from './cfg-support.ts'

const label = (slot: number): string => `insn${slot}`

describe('DOT', () => {
  it('prints a loop, dead code and a called subprogram', () => {
    const cfg = buildCfg([callLocal(4), branch(-2), EXIT, NOP, EXIT, EXIT])
    expect(
      cfgToDot(cfg, { label, subprogramName: (entry) => (entry === 0 ? 'main' : 'helper') }),
    ).toBe(`digraph "program" {
  node [shape=box, fontname="monospace", fontsize=10]
  edge [fontname="monospace", fontsize=9]
  subgraph "cluster_0" {
    label="main"
    b0 [label="0: insn0\\l1: insn1\\l", peripheries=2]
    b1 [label="2: insn2\\l"]
    b2 [label="3: insn3\\l4: insn4\\l", style=dashed, color=gray, fontcolor=gray]
  }
  subgraph "cluster_1" {
    label="helper"
    b3 [label="5: insn5\\l"]
  }
  b0 -> b1 [label="else"]
  b0 -> b0 [label="taken", style=bold, color=blue, constraint=false]
  b0 -> b3 [style=dotted, constraint=false, label="call"]
}
`)
  })

  it('marks irreducible regions, uncalled subprograms and defects', () => {
    const irreducible = cfgToDot(buildCfg([branch(1), NOP, NOP, branch(-3), EXIT]), { label })
    expect(irreducible).toContain('b1 -> b2 [style=bold, color=red, constraint=false]')
    expect(cfgToDot(buildCfg([EXIT, callLocal(1), EXIT, EXIT]), { label })).toContain('(never called)')
    expect(cfgToDot(buildCfg([gotox, goto(7)]), { label })).toContain('[insn 1 goes outside of the program (9)]')
  })

  it('escapes what names and labels contain', () => {
    const dot = cfgToDot(buildCfg([EXIT]), {
      label: () => 'a"] ; b -> c \\',
      subprogramName: () => 'x"\n}\\',
      name: '"\u0000',
    })
    expect(dot.split('\n')).toHaveLength(9)
    expect(dot).toContain('digraph "\\"\\\\x00" {')
    expect(dot).toContain('label="x\\"\\\\x0a}\\\\"')
    expect(dot).toContain('label="0: a\\"] ; b -> c \\\\\\l"')
  })
})
