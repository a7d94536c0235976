/**
 * Names of return values. They are apart from the program types, which have what a verifier needs: running takes the names alone.
 * @see https://docs.ebpf.io/linux/program-type/
 * @module
 */

/** By return value, as a signed number. */
export type Verdicts = Readonly<Record<number, string>>

export const XDP_VERDICTS = {
  0: 'XDP_ABORTED',
  1: 'XDP_DROP',
  2: 'XDP_PASS',
  3: 'XDP_TX',
  4: 'XDP_REDIRECT',
} as const satisfies Verdicts

/** What xdp programs return, by name. */
export type XdpVerdict = (typeof XDP_VERDICTS)[keyof typeof XDP_VERDICTS]

export const TC_VERDICTS = {
  [-1]: 'TC_ACT_UNSPEC',
  0: 'TC_ACT_OK',
  1: 'TC_ACT_RECLASSIFY',
  2: 'TC_ACT_SHOT',
  3: 'TC_ACT_PIPE',
  4: 'TC_ACT_STOLEN',
  5: 'TC_ACT_QUEUED',
  6: 'TC_ACT_REPEAT',
  7: 'TC_ACT_REDIRECT',
  8: 'TC_ACT_TRAP',
} as const satisfies Verdicts

/** What sched_cls and sched_act programs return, by name. */
export type TcVerdict = (typeof TC_VERDICTS)[keyof typeof TC_VERDICTS]
