/**
 * How a suggested check leaves the program: with the verdict that lets things pass, and giving back first what is held.
 * @module
 */
import type { Reference } from '../../state.ts'
import type { Scene } from '../scene.ts'
import { argumentText, assignedName } from '../source-names.ts'
import { sourceAt } from '../value-history.ts'
import { helperName } from '../words.ts'

/** What programs of this type return to let something pass; in a function that they call, it is up to that. */
export function defaultReturn(scene: Scene): string {
  if ((scene.env.subprogramOf[scene.slot] ?? 0) > 0) return '0'
  switch (scene.type) {
    case 'xdp':
      return 'XDP_PASS'
    case 'sched_cls':
    case 'sched_act':
      return 'TC_ACT_OK'
    case 'cgroup_skb':
    case 'cgroup_sock':
    case 'cgroup_sock_addr':
      return '1'
    default:
      return '0'
  }
}

/** The lines that follow `if (…)` in a suggestion: a return, after what is held here was given back. */
export function leave(scene: Scene): string {
  const releases = heldHere(scene)
  const returns = `return ${defaultReturn(scene)};`
  if (releases.length === 0) return `\n          ${returns}`
  return ` {\n${[...releases, returns].map((line) => `          ${line}\n`).join('')}  }`
}

/** Calls that give back a resource, by the function that took it; `$` stands for the variable. */
const RELEASES: Readonly<Record<string, string>> = {
  __proto__: null as never,
  bpf_ringbuf_reserve: 'bpf_ringbuf_discard($, 0);',
  bpf_sk_lookup_tcp: 'bpf_sk_release($);',
  bpf_sk_lookup_udp: 'bpf_sk_release($);',
  bpf_skc_lookup_tcp: 'bpf_sk_release($);',
}

function heldHere(scene: Scene): string[] {
  if (!scene.isTraced) return []
  const releases: string[] = []
  for (const reference of scene.env.cur.references.toReversed()) {
    const release = releaseOf(scene, reference)
    if (release !== undefined) releases.push(release)
  }
  return releases
}

function releaseOf(scene: Scene, { kind, insn: slot }: Reference): string | undefined {
  const source = sourceAt(scene.env, slot)
  const insn = scene.env.insns[slot]
  if (source === undefined || insn?.kind !== 'call' || insn.target !== 'helper') return undefined
  const name = helperName(scene.env.platform, insn.imm)
  if (kind === 'lock') {
    const lock = argumentText(source.text, name, 0)
    return lock === undefined ? undefined : `bpf_spin_unlock(${lock});`
  }
  const variable = assignedName(source.text, source.column)
  return variable === undefined ? undefined : RELEASES[name]?.replace('$', () => variable)
}
