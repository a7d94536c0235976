/**
 * What the address of code looks like in a register.
 *
 * ```
 *  63                    32 31                     0
 * +------------------------+------------------------+
 * | tag                    | index                  |
 * +------------------------+------------------------+
 *   0x62706601 function      in `Machine.codeEntries`
 *   0x62706602 instruction   slot in the running program (what an instruction array holds, for `gotox`)
 * ```
 * The upper half of a data address is zero, so code can neither be read nor written through its address, and an
 * integer is not taken for a function by accident. `callx` with an upper half of zero calls the helper of that number,
 * as the conformance suite and other user-space runtimes do.
 * @module
 */

/** The upper half of a function's address: "bpf", 1. */
export const FUNCTION_TAG = 0x62706601

/** The upper half of an instruction's address: "bpf", 2. */
export const INSTRUCTION_TAG = 0x62706602
