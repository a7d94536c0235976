/**
 * What programs may use up.
 * @see https://docs.kernel.org/bpf/bpf_design_QA.html
 * @module
 */
import type { PlatformLimits } from './types.ts'

/** MAX_BPF_STACK, MAX_CALL_FRAMES and MAX_TAIL_CALL_CNT of Linux; user-space runtimes have taken them over. */
export const LINUX_LIMITS: PlatformLimits = { stackSize: 512, callDepth: 8, tailCalls: 33 }
