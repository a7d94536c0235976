/**
 * A program with its subprograms to one WebAssembly module.
 *
 * The module exports every function whose address the program takes as `f` and its slot, and the entries for the host of
 * `entries.ts`.
 * @module
 */
import { buildCfg } from '../../isa/cfg.ts'
import type { AtomicInsn, CallInsn, Instruction, LddwInsn } from '../../isa/instruction.ts'
import { AnybpfError } from '../../util/errors.ts'
import type { GuestRuntimeExports } from '../guest-runtime.ts'
import type { ExecutableProgram, MapOperation } from '../machine.ts'
import { type CodePlaces, compileFunction, writeInline } from './compile-function.ts'
import { callMain, defineEntries, defineInvoke, type Main } from './entries.ts'
import { copyFlow, type Flow, flowTraits, sizeOf } from './flow.ts'
import { type FrameClear, frameClears } from './frame-clears.ts'
import { type FunctionGroup, functionGroups } from './function-groups.ts'
import { type ModuleScope, NEEDS_FRAME } from './function-state.ts'
import { BPF_FUNCTION, helperImport, helperSignature, IMPORTED, IMPORTS, type ImportName } from './imports.ts'
import { anyMapFunction, isMapOperation, knownOperation, runtimeSignature } from './map-operations.ts'
import { exportName, moduleName, TABLE_NAME, TAIL_CALLS_NAME } from './module-source.ts'
import { BODY_BYTES, compileInPieces, PIECE_INSNS } from './pieces.ts'
import type { Address, JitOptions, JitTarget } from './target.ts'
import { HAS_TAIL_CALL, scanTraits, type Traits } from './traits.ts'
import { WasmModule } from './wasm-module.ts'

/** Places that a table begins with. */
const FIRST_PLACES = 16
/** No function of so few instructions can be too large for an engine. */
const SMALL_INSNS = 1024
/** Programs of at most so many instructions become part of their entries. */
const INLINE_INSNS = 32

export interface CompiledProgram {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Numbers of the helpers that it imports. */
  readonly helpers: readonly number[]
  /** Functions of the guest runtime that it imports. */
  readonly runtime: readonly (keyof GuestRuntimeExports)[]
  /** Slots of the functions that it exports. */
  readonly exported: readonly number[]
  /** The instruction that a place in the module's bytes comes from; undefined if none does. */
  slotAt(offset: number): number | undefined
}

/** Throws ERR_BYTE_ORDER for a big-endian program, ERR_LINK where a symbol has been left without a number. */
export function compileProgram(
  program: ExecutableProgram,
  target: JitTarget,
  options: JitOptions,
  id = 0,
): CompiledProgram {
  const { linked, codeIndices } = program
  const { insns, name } = linked
  if (linked.byteOrder === 'big') {
    throw new AnybpfError('ERR_BYTE_ORDER', `${name}: a big-endian program cannot be executed here`)
  }
  const traits = scanTraits(insns, target)
  refuseWhatCannotBe(name, insns, target, traits)
  const indirectTargets = linked.indirectTargets ?? new Map<number, readonly number[]>()
  const cfg = buildCfg(insns, 0, { indirectTargets })
  const entries = cfg.subprograms.map(({ entry }) => entry)
  const clears = frameClears(linked, entries, target)

  const module = new WasmModule()
  module.importMemory(IMPORTS, 'memory', target.shared)
  const fuel = module.importGlobal(IMPORTS, 'fuel', 'i32', true)
  for (const address of target.imports ?? []) module.importGlobal(IMPORTS, address, 'i32', false)
  const imports = new Map<string, number>()
  for (const [imported, signature] of Object.entries(IMPORTED)) {
    imports.set(imported, module.importFunction(IMPORTS, imported, signature))
  }
  const helpers = calledHelpers(insns, traits, target)
  for (const helper of helpers) {
    const { spec } = target.helpers.get(helper)!
    imports.set(helperImport(helper), module.importFunction(IMPORTS, helperImport(helper), helperSignature(spec)))
  }

  const hasTable = (traits.all & HAS_TAIL_CALL) !== 0
  if (hasTable) module.defineTable(TABLE_NAME, FIRST_PLACES)
  const tailCalls = hasTable ? module.defineGlobal(TAIL_CALLS_NAME) : -1
  const namesUnknown = namesUnknownKind(insns, traits, target)
  // A store that is an array of programs by its methods only: its block is not to be read as one.
  const knowsMaps = !options.guard && options.passes?.maps !== false && !(hasTable && namesUnknown)
  const runtime = knowsMaps ? runtimeFunctions(insns, traits, target, namesUnknown) : new Map()
  for (const [called, operation] of runtime) {
    imports.set(called, module.importFunction(IMPORTS, called, runtimeSignature(called, operation)))
  }

  const exported = [...new Set([0, ...codeIndices.keys()])]
  const isExported = new Set(exported)
  const functions = new Map<
    number,
    { readonly index: number; readonly clear: FrameClear; readonly usesFrame: boolean }
  >()
  const groups = functionGroups(cfg, entries, indirectTargets, traits)
  for (const { flow, entries: members } of groups) {
    const framed = options.guard || (flowTraits(flow) & NEEDS_FRAME) !== 0
    for (const slot of members.keys()) {
      const index = module.declareFunction(BPF_FUNCTION, isExported.has(slot) ? exportName(slot) : undefined)
      functions.set(slot, { index, clear: clears.get(slot)!, usesFrame: framed })
    }
  }
  const scope: ModuleScope = {
    target,
    options,
    insns,
    traits,
    indirectTargets,
    hasTable,
    tailCalls,
    knowsMaps,
    fuel,
    bpfFunction: module.type(BPF_FUNCTION),
    functionAt: (slot) => functions.get(slot),
    codeIndex: (slot) => {
      const index = target.codeIndex(program, slot)
      if (index === undefined) throw new AnybpfError('ERR_LINK', `${name}: no function at slot ${slot}`)
      return index
    },
    imported: (imported: ImportName) => imports.get(imported)!,
    runtime: (called) => imports.get(called)!,
    helper: (helper) => imports.get(helperImport(helper))!,
  }
  const places = new Map<number, CodePlaces>()
  const main = mainOf(scope, groups, functions.get(0)!)
  for (const group of groups) compileGroup(module, scope, group, places)
  defineEntries(module, scope, main, linked.contextBytes ?? 0, places)
  for (const slot of codeIndices.keys()) defineInvoke(module, scope, slot, places)
  const firstFunction = functions.get(0)!.index
  const { bytes, codeStarts } = module.finish(moduleName(id))
  return {
    bytes,
    helpers,
    runtime: [...runtime.keys()],
    exported,
    slotAt: (offset) => slotAt(codeStarts, (i) => places.get(firstFunction + i), offset),
  }
}

/** Whether any way leads back. */
function hasLoop({ nodes }: Flow): boolean {
  const placeOf = (index: number): number => {
    const node = nodes[index]!
    return node.kind === 'code' ? node.start : Number.POSITIVE_INFINITY
  }
  return nodes.some(({ next }, index) => next.some((to) => placeOf(to) <= placeOf(index)))
}

/**
 * How entries enter the program: a small one becomes part of them. One that loops does not: an entry that repeats it would be a
 * function that runs for long, and engines put better code in the place of a function's when it is called again.
 */
function mainOf(
  scope: ModuleScope,
  groups: readonly FunctionGroup[],
  { index, clear }: { readonly index: number; readonly clear: FrameClear },
): Main {
  const { options } = scope
  const group = groups.find(({ entries }) => entries.has(0))!
  const mayInline =
    !options.budget &&
    group.entries.size === 1 &&
    !hasLoop(group.flow) &&
    sizeOf(group.flow) <= (options.passes?.inlineInsns ?? INLINE_INSNS) &&
    (flowTraits(group.flow) & HAS_TAIL_CALL) === 0
  // Compiling changes a flow.
  const flow = mayInline ? copyFlow(group.flow) : undefined
  return {
    enter(w, r1, r2) {
      if (flow !== undefined) return writeInline(scope, copyFlow(flow), clear, w, r1, r2)
      callMain(w, r1, r2, index)
      return undefined
    },
  }
}

/** Writes a function, or all that share code: as one WebAssembly function, if it is one and is not too large. */
function compileGroup(
  module: WasmModule,
  scope: ModuleScope,
  group: FunctionGroup,
  places: Map<number, CodePlaces>,
): void {
  const { flow, entries } = group
  const { pieceInsns = PIECE_INSNS } = scope.options.passes ?? {}
  const functions = Array.from(entries.keys(), (slot) => scope.functionAt(slot)!)
  const size = sizeOf(flow)
  const [first] = functions
  if (functions.length === 1 && size <= pieceInsns) {
    // Compiling changes the flow, and small ones do not have to be compiled again.
    const compiled = compileFunction(scope, size <= SMALL_INSNS ? flow : copyFlow(flow), first!.clear)
    if (compiled.body.code.length <= BODY_BYTES) {
      module.defineFunction(first!.index, compiled.body)
      places.set(first!.index, compiled.places)
      return
    }
  }
  compileInPieces(module, scope, group, functions, Math.min(pieceInsns, PIECE_INSNS), places)
}

/** The helpers that a program calls by number, ascending; not those that are treated otherwise, or do not exist. */
function calledHelpers(insns: readonly Instruction[], { helperCalls }: Traits, target: JitTarget): number[] {
  const called = new Set<number>()
  for (const slot of helperCalls) {
    const { imm } = insns[slot] as CallInsn
    const helper = target.helpers.get(imm)
    if (helper !== undefined && helper.spec.tailCall !== true) called.add(imm)
  }
  return [...called].sort((a, b) => a - b)
}

function refuseWhatCannotBe(
  name: string,
  insns: readonly Instruction[],
  target: JitTarget,
  { wideLoads, smallAtomics }: Traits,
): void {
  for (const slot of wideLoads) {
    const insn = insns[slot] as LddwInsn
    if (insn.source === 'imm64' || insn.source === 'code_addr' || target.address(insn) !== undefined) continue
    throw new AnybpfError('ERR_LINK', `${name}: insn ${slot}: ${insn.source} ${insn.imm} has no address yet`)
  }
  for (const slot of smallAtomics) {
    const { size } = insns[slot] as AtomicInsn
    throw new AnybpfError('ERR_UNSUPPORTED', `${name}: insn ${slot}: atomic operation on ${size} bytes`)
  }
}

/** Whether a program names a map of which only the store's methods know what to do: no code may look into its block. */
function namesUnknownKind(insns: readonly Instruction[], { wideLoads }: Traits, target: JitTarget): boolean {
  return wideLoads.some((slot) => {
    const address = target.address(insns[slot] as LddwInsn)
    const map = address === undefined ? undefined : target.map(address)
    return map !== undefined && map.kind === undefined
  })
}

/**
 * Functions of the guest runtime that a program may call: those of the operations that it does, on the maps that it names. Of
 * operations on other maps only where none is of an unknown kind.
 */
function runtimeFunctions(
  insns: readonly Instruction[],
  { wideLoads, helperCalls }: Traits,
  target: JitTarget,
  namesUnknown: boolean,
): Map<keyof GuestRuntimeExports, MapOperation> {
  const functions = new Map<keyof GuestRuntimeExports, MapOperation>()
  const operations = new Set<MapOperation>()
  for (const slot of helperCalls) {
    const operation = target.helpers.get((insns[slot] as CallInsn).imm)?.operation
    if (isMapOperation(operation)) operations.add(operation)
  }
  if (operations.size === 0) return functions
  const maps = new Set<Address>()
  for (const slot of wideLoads) {
    const address = target.address(insns[slot] as LddwInsn)
    if (address !== undefined) maps.add(address)
  }
  for (const operation of operations) {
    // Wherever it cannot be told which map it is.
    if (!namesUnknown) functions.set(anyMapFunction(operation), operation)
    for (const map of maps) {
      for (const called of knownOperation(target, operation, map)?.calls ?? []) functions.set(called, operation)
    }
  }
  return functions
}

function slotAt(
  codeStarts: readonly number[],
  placesOf: (index: number) => CodePlaces | undefined,
  offset: number,
): number | undefined {
  const found = lastAtMost(codeStarts, offset)
  const places = placesOf(found)
  return places?.slots[lastAtMost(places.offsets, offset - codeStarts[found]!)]
}

/** Index of the last of ascending numbers that is at most `limit`; -1 if none is. */
function lastAtMost(numbers: readonly number[], limit: number): number {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (numbers[middle]! <= limit) low = middle + 1
    else high = middle
  }
  return low - 1
}
