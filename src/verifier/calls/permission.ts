/**
 * Which helpers a program may call, by its type, licence and what it is attached to, and whether it may sleep there.
 * @see https://docs.ebpf.io/linux/helper-function/
 * @module
 */
import type { ArgSpec, HelperSignature, HelperSpec, Platform } from '../../spec/index.ts'
import type { Environment } from '../environment.ts'
import { reject } from '../rejection.ts'
import { helperAvailable, helperSignature } from '../structure/calls.ts'

/** A helper, and what is asked of a call of it. */
export interface KnownHelper {
  readonly helper: HelperSpec
  readonly signature: HelperSignature
}

const ANYTHING: ArgSpec = { kind: 'anything' }
const NO_SIGNATURES = new WeakMap<HelperSpec, HelperSignature>()

/** Where nothing is said of a helper: numbers in, a number out. */
function plainSignature(helper: HelperSpec): HelperSignature {
  let signature = NO_SIGNATURES.get(helper)
  if (signature === undefined) {
    const kind = helper.returns === 'void' ? 'void' : 'integer'
    signature = { args: helper.args.map(() => ANYTHING), returns: { kind } }
    NO_SIGNATURES.set(helper, signature)
  }
  return signature
}

const HIGHEST = new WeakMap<Platform, number>()

function highestHelper(platform: Platform): number {
  let highest = HIGHEST.get(platform)
  if (highest === undefined) {
    highest = Math.max(0, ...platform.helpers.keys())
    HIGHEST.set(platform, highest)
  }
  return highest
}

/** What a helper is called in messages: `bpf_map_lookup_elem#1`. */
export function helperText(helper: HelperSpec): string {
  return `bpf_${helper.name}#${helper.id}`
}

/** Linux functions whose path may be asked for. */
const PATH_FUNCTIONS: ReadonlySet<string> = new Set([
  'security_file_permission',
  'security_inode_getattr',
  'security_file_open',
  'security_path_truncate',
  'vfs_truncate',
  'vfs_fallocate',
  'dentry_open',
  'vfs_getattr',
  'filp_close',
])

/** Kernel functions that hold what the helper would take may not be probed with it. */
function isAllowedInProbe(env: Environment, name: string): boolean {
  const { type, attachType, attachTo } = env.program
  if (name === 'd_path') return type === 'lsm' || attachType === 'trace_iter' || PATH_FUNCTIONS.has(attachTo ?? '')
  if (name !== 'sk_storage_get' && name !== 'sk_storage_delete') return true
  if (type !== 'tracing' && type !== 'syscall') return true
  if (attachType === 'trace_raw_tp' || attachType === 'trace_iter') return true
  const isTrampoline = attachType === 'trace_fentry' || attachType === 'trace_fexit'
  return isTrampoline && attachTo?.startsWith('bpf_sk_storage') !== true
}

function allowedHelper(env: Environment, id: number): KnownHelper {
  const helper = env.platform.helpers.get(id)
  if (helper === undefined && (id < 0 || id > highestHelper(env.platform))) {
    reject('unknown_function', `invalid func unknown#${id}`, { id })
  }
  if (helper === undefined || !helperAvailable(env, id)) {
    const name = helper === undefined ? 'bpf_unspec' : `bpf_${helper.name}`
    return reject('helper_not_allowed', `program of this type cannot use helper ${name}#${id}`, { id, helper: name })
  }
  const signature = helperSignature(env, id) ?? plainSignature(helper)
  const facts = { helper: helper.name }
  if (helper.gplOnly && signature.anyLicense !== true && !env.gplCompatible) {
    reject('gpl_only', 'cannot call GPL-restricted function from non-GPL compatible program', facts)
  }
  if (!isAllowedInProbe(env, helper.name)) {
    reject('helper_not_allowed', 'helper call is not allowed in probe', facts)
  }
  return { helper, signature }
}

/** Helpers that programs were found to be allowed to call, by number: the answer is the same at each call. */
const ALLOWED = new WeakMap<Environment, KnownHelper[]>()

/** The helper with this number, which this program may call. */
export function findHelper(env: Environment, id: number): KnownHelper {
  let known = ALLOWED.get(env)
  if (known === undefined) {
    known = []
    ALLOWED.set(env, known)
  }
  return (known[id] ??= allowedHelper(env, id))
}

/** A helper that may sleep is called where that is allowed. */
export function checkMaySleep(env: Environment, helper: HelperSpec): void {
  const state = env.cur
  const facts = { helper: helper.name }
  if (!state.inSleepable) reject('sleepable', 'helper call might sleep in a non-sleepable prog', facts)
  const where =
    state.activeRcuLocks > 0
      ? 'rcu_read_lock region'
      : state.activePreemptLocks > 0
        ? 'non-preemptible region'
        : state.activeIrqId !== 0
          ? 'IRQ-disabled region'
          : undefined
  if (where !== undefined) reject('sleepable', `sleepable helper ${helperText(helper)} in ${where}`, facts)
}
