/**
 * Why programs are rejected: stable codes, each in a category. Codes are added, never renamed.
 * @module
 */

export const REJECTION_CATEGORIES = {
  structure: 'The program is malformed, whatever it would do.',
  control_flow: 'Where execution can go.',
  register: 'A register is used for what it does not hold.',
  arithmetic: 'Arithmetic that is not allowed on this value.',
  memory: 'An access that may fall outside of what it may touch.',
  context: 'An access to the context that this program type does not allow.',
  call: 'A call, or an argument of it.',
  reference: 'A resource that is not released, or released twice.',
  lock: 'A lock or a critical section.',
  return: 'What the program returns.',
  leak: 'Something secret would leave the program.',
  limit: 'A limit of the verifier.',
  permission: 'The program type, licence or author may not do this.',
} as const

export type RejectionCategory = keyof typeof REJECTION_CATEGORIES

const CODES = {
  // structure
  invalid_instruction: 'structure',
  reserved_field: 'structure',
  invalid_register: 'structure',
  invalid_wide_instruction: 'structure',
  invalid_map_reference: 'structure',
  invalid_btf: 'structure',
  invalid_program: 'structure',
  unresolved_relocation: 'structure',
  // control flow
  jump_out_of_range: 'control_flow',
  jump_into_wide: 'control_flow',
  fall_off_end: 'control_flow',
  unreachable: 'control_flow',
  recursion: 'control_flow',
  infinite_loop: 'control_flow',
  // register
  uninitialised_register: 'register',
  frame_pointer_write: 'register',
  wrong_type: 'register',
  possibly_null: 'register',
  mixed_pointers: 'register',
  // arithmetic
  pointer_arithmetic: 'arithmetic',
  pointer_offset: 'arithmetic',
  division_by_zero: 'arithmetic',
  invalid_shift: 'arithmetic',
  // memory
  out_of_bounds: 'memory',
  unbounded: 'memory',
  negative_offset: 'memory',
  packet_bounds: 'memory',
  misaligned: 'memory',
  read_only: 'memory',
  write_only: 'memory',
  stack_bounds: 'memory',
  uninitialised_stack: 'memory',
  corrupt_spill: 'memory',
  variable_offset: 'memory',
  special_field: 'memory',
  // context
  context_access: 'context',
  context_modified: 'context',
  // call
  unknown_function: 'call',
  argument_type: 'call',
  argument_null: 'call',
  argument_size: 'call',
  argument_value: 'call',
  map_mismatch: 'call',
  too_many_arguments: 'call',
  callback: 'call',
  tail_call: 'call',
  // reference
  unreleased_reference: 'reference',
  invalid_release: 'reference',
  iterator: 'reference',
  dynptr: 'reference',
  // lock
  lock_held: 'lock',
  lock_missing: 'lock',
  critical_section: 'lock',
  // return
  return_value: 'return',
  // leak
  pointer_leak: 'leak',
  pointer_comparison: 'leak',
  speculation: 'leak',
  // limit
  too_many_instructions: 'limit',
  too_many_branches: 'limit',
  too_much_stack: 'limit',
  too_many_frames: 'limit',
  too_many_subprograms: 'limit',
  too_many_maps: 'limit',
  too_large: 'limit',
  time_limit: 'limit',
  memory_limit: 'limit',
  // permission
  helper_not_allowed: 'permission',
  gpl_only: 'permission',
  map_not_allowed: 'permission',
  program_type: 'permission',
  attach_target: 'permission',
  sleepable: 'permission',
  not_supported: 'permission',
} as const satisfies Record<string, RejectionCategory>

export type RejectionCode = keyof typeof CODES

/** The category of each code. */
export const REJECTION_CODES: Readonly<Record<RejectionCode, RejectionCategory>> = CODES
