/**
 * Pieces that many programs of the statements share.
 * @module
 */

/** r0: the value under key 0 of a map, or NULL. */
export const lookup = (map: string): string =>
  `*(u32 *)(r10 - 4) = 0; r2 = r10; r2 += -4; r1 = map(${map}); call map_lookup_elem`

/** r0: the value, which is there; for the programs that are not about that. Needs a label `out`. */
export const found = (map: string): string => `${lookup(map)}; if r0 == 0 goto out`

/** Of xdp: r2 and r3 are where the packet begins and ends. */
export const PACKET = 'r2 = *(u32 *)(r1 + 0); r3 = *(u32 *)(r1 + 4)'

/** Of xdp: a number of which nothing is known but that it has 32 bits (ingress_ifindex). */
export const number = (register: string): string => `${register} = *(u32 *)(r1 + 12)`

export const OUT = 'out: r0 = 0; exit'
export const END = 'r0 = 0; exit'

/** r0: a record of 16 bytes of the ring buffer, or NULL. */
export const RESERVE = 'r1 = map(events); r2 = 16; r3 = 0; call ringbuf_reserve'
export const SUBMIT = 'r2 = 0; call ringbuf_submit'

/** Calls bpf_loop `rounds` times; `step` is a function of the program, fp-8 its context. */
export const loop = (rounds: number): string =>
  `r1 = ${rounds}; r2 = code_addr(step); r3 = r10; r3 += -8; r4 = 0; call loop`
