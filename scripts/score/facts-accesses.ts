/**
 * Part of the suite `facts`: loads from and stores to the context, each offset and size, of each program and attach type.
 * @module
 */
/** Of a row of kernel-facts.json, what concerns accesses. */
export interface AccessFacts {
  /** Offsets below this one were tried. */
  readonly top: number
  /** Offset and size of what the kernel accepts. */
  readonly reads: readonly (readonly [number, number])[]
  readonly writes: readonly (readonly [number, number])[]
}

export interface AccessCase {
  /** `read 4 at 76`. */
  readonly name: string
  readonly expected: boolean
  readonly actual: boolean
}

const SIZES = [1, 2, 4, 8]

/** Every access that was tried, the kernel's answer, and that of `accepts`. */
export function* accessCases(
  accepts: (offset: number, size: number, write: boolean) => boolean,
  facts: AccessFacts,
): Generator<AccessCase> {
  for (const kind of ['read', 'write'] as const) {
    const accepted = new Set((kind === 'read' ? facts.reads : facts.writes).map(([offset, size]) => offset * 16 + size))
    for (let offset = 0; offset < facts.top; offset++) {
      for (const size of SIZES) {
        yield {
          name: `${kind} ${size} at ${offset}`,
          expected: accepted.has(offset * 16 + size),
          actual: accepts(offset, size, kind === 'write'),
        }
      }
    }
  }
}
