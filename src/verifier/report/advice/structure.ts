/**
 * Why a program is refused for its shape, its size or the limits of the verifier.
 * @module
 */
import type { Advice, Scene } from '../scene.ts'
import { sourceAt } from '../value-history.ts'

export function malformed(scene: Scene): Advice {
  return {
    reason: `the instruction is malformed: ${scene.message}`,
    fix: 'Compilers do not emit this: check how the bytes were made, and that the instruction exists on this platform.',
  }
}

export function invalidMapReference(scene: Scene): Advice {
  return {
    reason: `an instruction wants the address of a map that is not there: ${scene.message}`,
    fix: 'Declare the map (SEC(".maps")), and verify the object as compiled: instruction bytes alone have no maps.',
  }
}

export function invalidBtf(scene: Scene): Advice {
  return {
    reason: `the type information does not fit the program: ${scene.message}`,
    fix: 'Compile with -g, do not strip .BTF and .BTF.ext, and give global functions parameters of types that BTF can describe.',
  }
}

export function invalidProgram(scene: Scene): Advice {
  return { reason: `the program cannot be verified: ${scene.message}` }
}

/** `failed to resolve CO-RE relocation <byte_off> [8] struct s.x (0:1 @ offset 4)`. */
const UNRESOLVED = /<(\w+)> \[\d+\] (.+?)(?: \([\d:]+ @ offset [\d.]+\))?$/

export function unresolvedRelocation(scene: Scene): Advice {
  const [, kind = '', what = scene.message] = UNRESOLVED.exec(scene.message) ?? []
  const enumerator = kind === 'enumval_value'
  const guard = enumerator ? 'bpf_core_enum_value_exists(enum …, …)' : 'bpf_core_field_exists(p->field)'
  return {
    reason: `the target kernel's types do not have \`${what}\`, or have it as something that this instruction cannot read`,
    fix: `Ask first, so that the branch is dead where it is missing:\n  if (${guard}) …\nor read a version of the type that has it (a flavour: struct name___old). Whether the types are those of the kernel that is meant, --btf says.`,
  }
}

export function jumpOutOfRange(scene: Scene): Advice {
  return {
    reason: `a jump or call leaves its function or the program: ${scene.message}`,
    fix: 'Jump only within a function. In compiled code, this means a relocation that was not applied.',
  }
}

export function jumpIntoWide(): Advice {
  return {
    reason: 'a jump goes into the second half of a 16-byte instruction',
    fix: 'Count a wide load (lddw) as two slots in jump offsets.',
  }
}

export function fallOffEnd(scene: Scene): Advice {
  return {
    reason: `execution would run on behind the end of the program or of a function: ${scene.message}`,
    fix: 'End every path with a return (exit). An endless loop, __builtin_unreachable() and a function without return value let the compiler leave it out.',
  }
}

export function unreachable(scene: Scene): Advice {
  return {
    reason: `instruction ${scene.slot < 0 ? '' : `${scene.slot} `}can never be reached`,
    fix: 'Take it out: compilers drop dead code, so this is hand-written, or a function that nothing calls.',
  }
}

export function recursion(): Advice {
  return { reason: 'functions call each other in a circle', fix: 'Use a loop with a fixed bound instead of recursion.' }
}

/** The loop that the path was in last: how often a slot occurs near the end of the path. */
function loopLine(scene: Scene): string {
  const { env } = scene
  const from = Math.max(0, env.pathLength - 2000)
  const counts = new Map<string, number>()
  for (let i = from; i < env.pathLength; i++) {
    const source = sourceAt(env, env.path[i]!)
    if (source === undefined || !/\b(for|while|do)\b|bpf_for|bpf_repeat/.test(source.text)) continue
    const key = `line ${source.line}, \`${source.text.trim()}\``
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const most = [...counts].sort(([, a], [, b]) => b - a)[0]
  return most === undefined ? '' : ` (the loop of ${most[0]})`
}

export function infiniteLoop(scene: Scene): Advice {
  return {
    reason: `a loop does not come to an end${loopLine(scene)}: it was here before with the very same state`,
    fix: 'Let a counter decide, with a constant bound that the verifier can see:\n  for (int i = 0; i < 64; i++) { … if (done) break; }\nor use bpf_loop() or bpf_for(), which end by themselves.',
  }
}

export function tooManyInstructions(scene: Scene): Advice {
  return {
    reason: `it takes too long to follow all paths, and all rounds of loops: ${scene.env.insnLimit.toLocaleString('en')} instructions were processed without an end${loopLine(scene)}`,
    fix: 'Use bpf_loop() for loops of many rounds: its body is followed a few times, not once for each round. Or let rounds cover each other: keep few variables alive, bound counters tightly, do not branch on many unknown values in a loop. Parts can go into global (non-static) functions, which are verified once, or into programs of their own (tail calls).',
  }
}

export function tooManyBranches(scene: Scene): Advice {
  return {
    reason: `too many branches wait to be followed at one time${loopLine(scene)}`,
    fix: 'Shorten the loop, or use bpf_loop(): unrolled loops with a branch in each round pile up branches.',
  }
}

const MOVE_TO_MAP =
  'Move large variables into a map: a BPF_MAP_TYPE_PERCPU_ARRAY with one element serves as scratch memory. Split structs, and do not keep big buffers in functions that call others.'

/** Of functions by number: `copy_packet() 256, send_payload() 320`. */
function stackUse(scene: Scene, chain: readonly number[]): string {
  return chain
    .map((index) => {
      const subprogram = scene.env.subprograms[index]
      if (subprogram === undefined) return `function ${index}`
      const { name, stackDepth } = subprogram
      return `${name === '' ? `function ${index}` : `${name}()`} ${stackDepth}`
    })
    .join(', ')
}

export function tooMuchStack(scene: Scene): Advice {
  const bytes = scene.number('bytes')
  const { chain } = scene.rejection.facts
  if (bytes === undefined || !Array.isArray(chain)) {
    const index = scene.slot < 0 ? undefined : scene.env.subprogramOf[scene.slot]
    const use = index === undefined ? '' : ` (bytes: ${stackUse(scene, [index])})`
    return { reason: `a function needs more than the 512 bytes of stack that there are${use}`, fix: MOVE_TO_MAP }
  }
  const indexes = chain.map(Number)
  const sum = indexes.reduce((total, index) => total + scene.env.subprograms[index]!.stackDepth, 0)
  const rounding = sum === bytes ? '' : ' (each is rounded up to a multiple of 16)'
  const which = chain.length === 1 ? 'the program needs' : `${chain.length} functions that call each other need`
  return {
    reason: `${which} ${bytes} bytes of stack${chain.length === 1 ? '' : ' together'}, and there are 512: ${stackUse(scene, indexes)}${rounding}`,
    fix: MOVE_TO_MAP,
  }
}

export function tooManyFrames(): Advice {
  return {
    reason: 'functions are nested more than 8 deep',
    fix: 'Inline some of them (static __always_inline), or flatten the calls.',
  }
}

export function tooManySubprograms(): Advice {
  return { reason: 'the program has more than 256 functions', fix: 'Inline small functions (static __always_inline).' }
}

export function tooManyMaps(): Advice {
  return {
    reason: 'the program refers to more than 64 maps',
    fix: 'Put several tables into one map, with the kind as part of the key.',
  }
}

export function tooLarge(scene: Scene): Advice {
  return {
    reason: `the program is too large: ${scene.message}`,
    fix: 'Split it with tail calls, or do not inline and unroll so much.',
  }
}

export function timeLimit(scene: Scene): Advice {
  return {
    reason: `verification was given up after ${scene.number('limit') ?? 'the given'} ms, with ${scene.env.statistics.insnsProcessed} instructions processed${loopLine(scene)}`,
    fix: 'Give more time (--time-limit), or make the program easier to follow: see what `too_many_instructions` advises.',
  }
}

export function memoryLimit(scene: Scene): Advice {
  return {
    reason: `verification was given up: ${scene.message}${loopLine(scene)}`,
    fix: 'Allow more states (stateLimit), or make the program easier to follow: bound loops, keep few variables alive in them.',
  }
}

export function mapNotAllowed(scene: Scene): Advice {
  return {
    reason: `a map cannot be used by this program: ${scene.message}`,
    fix: 'Choose another map type, or leave out what the program type cannot have (locks and timers in tracing programs, say).',
  }
}

export function programType(scene: Scene): Advice {
  return {
    reason: `programs of type ${scene.type} cannot do this: ${scene.message}`,
    fix: 'Check the section name (SEC("…")), which says what type of program this is.',
  }
}

export function attachTarget(scene: Scene): Advice {
  const { attachTo } = scene.env.program
  const { type, attachType } = scene.env.program
  const what = type === 'lsm' ? 'LSM hook' : attachType === 'trace_raw_tp' ? 'tracepoint' : 'function'
  return {
    reason: `the program attaches to the kernel's ${what} ${attachTo ?? ''}, and the types of the kernel have no such ${what}`,
    fix: 'Check the name after the slash of SEC("…") against the kernel that is meant (bpftool btf dump file /sys/kernel/btf/vmlinux). A function of a module, or of another BPF program, is not among these types; other types can be given with --btf.',
  }
}

export function notSupported(scene: Scene): Advice {
  return { reason: scene.message, fix: 'There is no such thing on this platform; do without it.' }
}
