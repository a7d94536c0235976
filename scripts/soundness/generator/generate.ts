/**
 * Random programs, biased to be accepted: each rule writes what should be right, given what the rules before it wrote.
 * From one seed comes one program.
 * @module
 */
import { SeededRandom } from '../../../src/util/index.ts'
import type { VerifierFunction, VerifierProgram } from '../../../src/verifier/index.ts'
import {
  CONTEXT,
  CONTEXT_REGISTER,
  type GeneratorMap,
  KEPT,
  type Kind,
  Knowledge,
  NOTHING,
  NUMBER,
} from './knowledge.ts'
import { CALL_RULES } from './rules-calls.ts'
import { CONTROL_RULES } from './rules-control.ts'
import { MEMORY_RULES } from './rules-memory.ts'
import { NUMBER_RULES } from './rules-numbers.ts'
import { type GeneratorTypes, generatorTypes } from './types.ts'
import { type PendingFunction, type ProgramFlavour, type Rule, Writer } from './writer.ts'

export const RULES: readonly Rule[] = [...NUMBER_RULES, ...MEMORY_RULES, ...CONTROL_RULES, ...CALL_RULES]

const SKB = {
  contextNumbers: [0, 4, 8, 16, 20, 24, 32, 40, 44, 48, 52, 56, 60, 64, 68],
  packet: { data: 76, end: 80 },
} as const

export const FLAVOURS: readonly ProgramFlavour[] = [
  {
    type: 'xdp',
    contextNumbers: [12, 16],
    contextWritable: [],
    packet: { data: 0, end: 4 },
    packetWritable: true,
    loadsPacket: false,
    movers: [
      { id: 44, args: 1 },
      { id: 65, args: 1 },
    ],
    returns: { min: 0, max: 4 },
  },
  {
    type: 'sched_cls',
    ...SKB,
    contextWritable: [8, 32, 48, 52, 56, 60, 64],
    packetWritable: true,
    loadsPacket: true,
    movers: [{ id: 39, args: 1 }],
    returns: { min: -1, max: 8 },
  },
  {
    type: 'cgroup_skb',
    ...SKB,
    contextWritable: [8, 32, 48, 52, 56, 60, 64],
    packetWritable: false,
    loadsPacket: false,
    movers: [],
    returns: { min: 0, max: 1 },
  },
  {
    type: 'socket_filter',
    contextNumbers: SKB.contextNumbers,
    contextWritable: [48, 52, 56, 60, 64],
    packet: undefined,
    packetWritable: false,
    loadsPacket: true,
    movers: [],
    returns: { min: 0, max: 65535 },
  },
]

export interface GeneratedProgram {
  readonly seed: number
  readonly program: VerifierProgram
  /** How often each rule wrote something. */
  readonly rules: ReadonlyMap<string, number>
  /** Constants that it compares with: halves, low ones first. */
  readonly dictionary: readonly number[]
  /** Verified for an author who is not trusted. */
  readonly untrusted: boolean
  /** Verified with a checkpoint at every prune point. */
  readonly testStateFrequency: boolean
}

export interface GeneratorOptions {
  readonly maps: readonly GeneratorMap[]
  /** Out of 1000 places where a mistake is possible, how many have it. Default 8. */
  readonly temptation?: number
}

const ROLES_WITH_CONTEXT: readonly Kind['is'][] = ['context']

export class Generator {
  private readonly maps: readonly GeneratorMap[]
  private readonly temptation: number
  private readonly types: GeneratorTypes = generatorTypes()

  constructor(options: GeneratorOptions) {
    this.maps = options.maps
    this.temptation = options.temptation ?? 8
  }

  generate(seed: number): GeneratedProgram {
    const random = new SeededRandom(seed)
    const flavour = random.pick(FLAVOURS)
    const untrusted = random.below(12) === 0
    const testStateFrequency = random.below(2) === 0
    const w = new Writer({ random, flavour, maps: this.maps, temptation: this.temptation })
    w.useRules(this.rulesFor(w, untrusted))
    writeMain(w)
    for (let next = w.pending.shift(); next !== undefined; next = w.pending.shift()) writeFunction(w, next)
    return {
      seed,
      program: this.describe(w, seed),
      rules: w.counts,
      dictionary: w.dictionary,
      untrusted,
      testStateFrequency,
    }
  }

  /** Each program prefers some rules: so programs differ more than a hundred draws from one hat would let them. */
  private rulesFor(w: Writer, untrusted: boolean): Rule[] {
    return RULES.filter((rule) => !untrusted || !PERFMON_RULES.has(rule.name)).map((rule) => {
      const factor = w.pick([0, 1, 1, 1, 2, 4])
      return { ...rule, weight: rule.weight * factor }
    })
  }

  private describe(w: Writer, seed: number): VerifierProgram {
    const functions: VerifierFunction[] = w.written.map(({ slot, role }, i) => ({
      name: i === 0 ? 'main' : `${role}${i}`,
      slot,
      linkage: role === 'global' ? 'global' : 'static',
      btfType: role === 'global' ? this.types.globalFunction : this.types.staticFunction,
    }))
    return {
      name: `seed ${seed}`,
      type: w.flavour.type,
      license: 'GPL',
      insns: w.code.insns,
      references: w.code.references,
      btf: this.types.btf,
      functions,
    }
  }
}

/** Rules whose helpers an author who is not trusted may not call. */
const PERFMON_RULES: ReadonlySet<string> = new Set(['read of kernel memory'])

function begin(w: Writer, role: PendingFunction['role'] | 'main', args: readonly Kind[], level: number): void {
  w.written.push({ slot: w.code.slot, role, args })
  w.know = new Knowledge()
  args.forEach((kind, i) => {
    w.know.regs[i + 1] = kind
  })
  w.level = level
  w.nesting = 0
  w.inLoop = false
  w.bailouts = []
  w.reserved.clear()
  w.slots = level === 0 ? 4 + w.random.below(12) : 2 + w.random.below(6)
  w.room = level === 0 ? 10 + w.random.below(w.chance(1, 4) ? 90 : 40) : 5 + w.random.below(20)
  const context = args.findIndex(({ is }) => ROLES_WITH_CONTEXT.includes(is)) + 1
  w.hasContext = context > 0
  if (w.hasContext) {
    w.code.move(CONTEXT_REGISTER, context)
    w.know.regs[CONTEXT_REGISTER] = CONTEXT
  }
}

function writeMain(w: Writer): void {
  begin(w, 'main', [CONTEXT], 0)
  seedRegisters(w)
  w.block(60)
  end(w, w.flavour.returns)
}

/** Something to work on. */
function seedRegisters(w: Writer): void {
  for (const reg of KEPT) {
    if (w.chance(1, 3)) continue
    if (w.flavour.contextNumbers.length > 0 && w.chance(2, 3)) {
      w.code.load(4, reg, CONTEXT_REGISTER, w.pick(w.flavour.contextNumbers))
    } else w.code.set(reg, w.constant())
    w.know.regs[reg] = NUMBER
  }
}

function writeFunction(w: Writer, { references, role, args, level }: PendingFunction): void {
  for (const reference of references) w.code.place(reference, w.code.slot)
  begin(w, role, args, level)
  w.block(12)
  const calledBack = role === 'loop' || role === 'element'
  end(w, calledBack ? { min: 0, max: 1 } : { min: -2147483648, max: 2147483647 })
}

/** Leaves the function, on all its ways. */
function end(w: Writer, { min, max }: { readonly min: number; readonly max: number }): void {
  const { code, know } = w
  const numbers = know.numbers.filter((reg) => reg < 10)
  const free = min === -2147483648
  if (numbers.length > 0 && (free || w.chance(1, 2))) {
    const result = w.pick(numbers)
    if (result !== 0) code.move(0, result)
    if (!free) code.alu('and', 0, { imm: max >= 1 ? 2 ** Math.floor(Math.log2(max + 1)) - 1 : 0 })
  } else code.set(0, min < 0 ? 0 : min)
  code.exit()
  if (w.bailouts.length === 0) return
  for (const slot of w.bailouts) code.land(slot)
  code.set(0, min < 0 ? 0 : min)
  code.exit()
  know.regs[0] = NOTHING
}
