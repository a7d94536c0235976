/**
 * What the verifier knows at each instruction, for listings: of a function, over all the programs of the object that it
 * is linked into.
 * @module
 */
import type { Instruction } from '../../isa/index.ts'
import { VerifyInput } from '../../loader/index.ts'
import { CoreRelocations, linkProgram, type ObjectSpec } from '../../object/index.ts'
import type { Platform } from '../../spec/index.ts'
import { isAnybpfError } from '../../util/index.ts'
import { type Report, type VerifierProgram, type VerifyOptions, verify } from '../../verifier/index.ts'
import { KnowledgeRecorder } from '../../verifier/report/knowledge.ts'
import type { KernelTypes } from './kernel-types.ts'
import { needsKernelTypes } from './kernel-types.ts'

/** What is said of one instruction. */
export interface Annotation {
  /** How often the verifier came there. */
  readonly visits: number
  /** By register: what it holds before the instruction. Of several programs, one after another. */
  readonly registers: Readonly<Record<string, string>>
  /** The program is rejected here. */
  readonly rejected?: string
}

/** By function and slot. */
export type Annotations = ReadonlyMap<string, ReadonlyMap<number, Annotation>>

/** Verifies every program of an object, as one of `type` if that is given. What cannot be verified is left out. */
export async function annotateObject(
  spec: ObjectSpec,
  platform: Platform,
  kernel: KernelTypes,
  options: Pick<VerifyOptions, 'author'> = {},
  type?: string,
): Promise<Annotations> {
  const targetBtf = await kernel.targetOf(spec)
  const core = new CoreRelocations(spec, targetBtf)
  const input = new VerifyInput(spec, platform, type === undefined ? {} : { type })
  const annotations = new Map<string, Map<number, Annotation>>()
  for (const program of Object.values(spec.programs)) {
    if (!platform.programTypes.has(type ?? program.type)) continue
    try {
      const linked = linkProgram(spec, program, core)
      const described = input.describe(program, linked)
      const { recorder, report } = await watch(described, platform, kernel, options)
      for (const { name, slot, slotCount } of linked.functions) {
        const insns = described.insns.slice(slot, slot + slotCount)
        merge(annotations, name, annotationsOf(insns, slot, platform, recorder, report))
      }
    } catch (error) {
      // A program that cannot be linked is listed all the same.
      if (!isAnybpfError(error)) throw error
    }
  }
  return annotations
}

/** Verifies instructions that are no object's. */
export async function annotateProgram(
  program: VerifierProgram,
  platform: Platform,
  kernel: KernelTypes,
  options: Pick<VerifyOptions, 'author'> = {},
): Promise<Annotations> {
  const { recorder, report } = await watch(program, platform, kernel, options)
  return new Map([[program.name, annotationsOf(program.insns, 0, platform, recorder, report)]])
}

async function watch(
  program: VerifierProgram,
  platform: Platform,
  kernel: KernelTypes,
  options: Pick<VerifyOptions, 'author'>,
): Promise<{ recorder: KnowledgeRecorder; report: Report }> {
  const recorder = new KnowledgeRecorder()
  const kernelBtf = needsKernelTypes(program, platform) ? await kernel.read() : undefined
  const report = verify(program, platform, {
    ...options,
    observer: recorder,
    ...(kernelBtf !== undefined && { kernelBtf }),
  })
  return { recorder, report }
}

function annotationsOf(
  insns: readonly Instruction[],
  start: number,
  platform: Platform,
  recorder: KnowledgeRecorder,
  { error }: Report,
): Map<number, Annotation> {
  const annotations = new Map<number, Annotation>()
  insns.forEach((insn, i) => {
    if (insn.kind === 'wide_tail') return
    const slot = start + i
    const registers: Record<string, string> = {}
    for (const regno of registersRead(insn, platform)) {
      const known = recorder.known(slot, regno)
      if (known !== undefined) registers[`r${regno}`] = known
    }
    annotations.set(i, {
      visits: recorder.visits(slot),
      registers,
      ...(error?.insn === slot && { rejected: error.reason }),
    })
  })
  return annotations
}

/** A function that several programs share is annotated with what all of them know of it. */
function merge(all: Map<string, Map<number, Annotation>>, name: string, annotations: Map<number, Annotation>): void {
  const before = all.get(name)
  if (before === undefined) {
    all.set(name, annotations)
    return
  }
  for (const [slot, annotation] of annotations) {
    const known = before.get(slot)
    before.set(slot, known === undefined ? annotation : joined(known, annotation))
  }
}

function joined(a: Annotation, b: Annotation): Annotation {
  const registers: Record<string, string> = { ...a.registers }
  for (const [name, known] of Object.entries(b.registers)) {
    const other = registers[name]
    if (other === undefined) registers[name] = known
    else if (!other.split(' or ').includes(known)) registers[name] = `${other} or ${known}`
  }
  const rejected = a.rejected ?? b.rejected
  return { visits: a.visits + b.visits, registers, ...(rejected !== undefined && { rejected }) }
}

/** The registers whose contents decide what an instruction does; of a call, those that can be arguments. */
function registersRead(insn: Instruction, platform: Platform): number[] {
  const operand = (src: { readonly reg: number } | { readonly imm: number }): number[] =>
    'reg' in src ? [src.reg] : []
  switch (insn.kind) {
    case 'alu':
      return insn.op === 'mov' ? operand(insn.src) : [insn.dst, ...operand(insn.src)]
    case 'jump':
      return [insn.dst, ...operand(insn.src)]
    case 'neg':
    case 'endian':
    case 'goto_indirect':
      return [insn.dst]
    case 'movsx':
    case 'addr_space_cast':
      return [insn.src]
    case 'load':
    case 'load_acquire':
      return [insn.base]
    case 'store':
      return [insn.base, ...operand(insn.src)]
    case 'store_release':
      return [insn.base, insn.src]
    case 'atomic':
      return insn.op === 'cmpxchg' ? [0, insn.base, insn.src] : [insn.base, insn.src]
    case 'load_packet':
      return insn.mode === 'ind' ? [6, insn.src] : [6]
    case 'call':
    case 'callx': {
      const helper = insn.kind === 'call' && insn.target === 'helper' ? platform.helpers.get(insn.imm) : undefined
      return [1, 2, 3, 4, 5].slice(0, helper?.args.length)
    }
    case 'exit':
      return [0]
    default:
      return []
  }
}
