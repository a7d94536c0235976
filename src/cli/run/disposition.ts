/**
 * What becomes of a packet after the program's verdict: how many of its bytes go on.
 *
 * In the kernel the verdict is the caller's to act on; this states for `run --write` what each caller does.
 * @see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_XDP/#return-value
 * @see https://man7.org/linux/man-pages/man8/tc-bpf.8.html
 * @module
 */

const XDP_GOES_ON: ReadonlySet<number> = new Set([2, 3, 4]) // PASS, TX, REDIRECT
const TC_ENDS: ReadonlySet<number> = new Set([2, 4, 5, 8]) // SHOT, STOLEN, QUEUED, TRAP

/** Bytes of a packet of `length` bytes that go on; 0 if it ends here. `retval` is unsigned. */
export function bytesGoingOn(type: string, retval: number, length: number): number {
  switch (type) {
    case 'xdp':
      return XDP_GOES_ON.has(retval) ? length : 0
    case 'sched_cls':
    case 'sched_act':
      return TC_ENDS.has(retval) ? 0 : length
    case 'socket_filter':
      // The filter says how many bytes the socket gets to see.
      return Math.min(retval, length)
    default:
      return length
  }
}
