/**
 * Buffers whose size is known only when the program is attached: the access needs a constant, non-negative offset, and
 * whoever attaches compares the largest one.
 * @see https://docs.kernel.org/bpf/bpf_iterators.html
 * @module
 */
import { reject } from '../rejection.ts'
import type { Reg } from '../state.ts'
import { tnumText } from './text.ts'

/** `off` includes the pointer's fixed offset; `what` as Linux calls the buffer: `rdonly`, `rdwr`, `tracepoint`. */
export function checkBuffer(reg: Reg, regno: number, what: string, off: number, size: number): void {
  if (off < 0) {
    reject('negative_offset', `R${regno} invalid ${what} buffer access: off=${off}, size=${size}`, { regno, off, size })
  }
  if (!reg.scalar.isZero) {
    reject('variable_offset', `R${regno} invalid variable buffer offset: off=${off}, var_off=${tnumText(reg.scalar)}`, {
      regno,
      off,
      size,
    })
  }
}
