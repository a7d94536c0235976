/**
 * How fast the interpreter is, in nanoseconds per instruction: `npm run bench -- interpreter`.
 *
 * Each program is a counted loop over instructions of one kind, run often enough for the optimising compiler, then timed as the
 * best of many short rounds (other work on the machine only ever adds to a round).
 * @module
 */
import { assemble } from '../src/isa/index.ts'
import { raw } from '../src/spec/platforms/raw.ts'
import { formatTextTable } from '../src/util/index.ts'
import { Interpreter, VirtualCpu, VirtualMachine } from '../src/vm/index.ts'

const ITERATIONS = 10_000
const ROUNDS = 60

const BODIES: readonly (readonly [string, string])[] = [
  ['add64, register', 'r1 += r2\n'.repeat(10)],
  ['add64, immediate', 'r1 += 7\n'.repeat(10)],
  ['alu32 mix', 'w1 += w2\nw1 ^= 77\nw3 = w1\nw3 >>= 3\nw1 |= w3\n'.repeat(2)],
  ['alu64 mix', 'r1 += r2\nr1 ^= 77\nr3 = r1\nr3 >>= 3\nr1 |= r3\n'.repeat(2)],
  ['mul64', 'r1 *= r2\n'.repeat(10)],
  ['div64', 'r3 = r1\nr3 /= 3\n'.repeat(5)],
  ['jumps, not taken', 'if r1 == r4 goto end\n'.repeat(10)],
  ['load32, store32, stack', '*(u32 *)(r10 - 8) = r1\nw3 = *(u32 *)(r10 - 8)\n'.repeat(5)],
  ['load64, memory', 'r3 = *(u64 *)(r6 + 8)\n'.repeat(10)],
  ['atomic add64', 'lock *(u64 *)(r10 - 8) += r1\n'.repeat(10)],
]

function program(body: string): string {
  return `r6 = r1\nr1 = 1\nr2 = 3\nr4 = -5\nr7 = ${ITERATIONS}\nloop:\n${body}r7 -= 1\nif r7 != 0 goto loop\nend:\nr0 = r1\nexit\n`
}

function bestNs(text: string, checked: boolean): number {
  const machine = new VirtualMachine({ platform: raw })
  const cpu = new VirtualCpu({ machine })
  const interpreter = new Interpreter(cpu)
  const memory = machine.memory.allocate(64)
  machine.regions.add({ start: memory, end: memory + 64, writable: true, name: 'memory' })
  const executable = machine.addProgram({ name: 'bench', insns: assemble(text) })
  const options = { checked, budget: 0 }
  interpreter.run(executable, memory, 64, options)
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const before = performance.now()
    interpreter.run(executable, memory, 64, options)
    times.push(performance.now() - before)
  }
  return Math.min(...times) * 1e6
}

/** A call of a BPF function that exits at once, and a helper call's worth of the loop around them. */
const CALL = `r7 = ${ITERATIONS}\nloop:\ncall function\nr7 -= 1\nif r7 != 0 goto loop\nr0 = 0\nexit\nfunction:\nexit\n`

for (let i = 0; i < 3; i++) for (const [, body] of BODIES) bestNs(program(body), i === 1)
const rows = BODIES.map(([name, body]) => {
  const text = program(body)
  const insns = ITERATIONS * 12
  return [name, (bestNs(text, false) / insns).toFixed(2), (bestNs(text, true) / insns).toFixed(2)]
})
rows.push(['local call and return', ...[false, true].map((checked) => (bestNs(CALL, checked) / ITERATIONS).toFixed(1))])

console.log(
  formatTextTable(
    [{ title: 'what' }, { title: 'ns/insn', align: 'right' }, { title: 'ns/insn, checked', align: 'right' }],
    rows,
  ),
)
