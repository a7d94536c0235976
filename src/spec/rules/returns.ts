/**
 * What programs of Linux may return: ranges of r0 at exit, by program type and by how, and to what, a program attaches.
 *
 * Measured on a 6.18 kernel; those of functions and security hooks, to which it does not let programs attach, follow the
 * documentation.
 * @see https://docs.ebpf.io/linux/program-type/
 * @see https://docs.kernel.org/bpf/prog_lsm.html
 * @module
 */
import type { ReturnRule } from '../types.ts'

/** Linux looks at all 64 bits of r0 everywhere but at security hooks. */
const ZERO: ReturnRule = { min: 0, max: 0, wide: true }
const ONE: ReturnRule = { min: 1, max: 1, wide: true }
const ZERO_OR_ONE: ReturnRule = { min: 0, max: 1, wide: true }
/** The verdict, and one bit more: whether to report congestion, or to bind to a privileged port. */
const TWO_BITS: ReturnRule = { min: 0, max: 3, wide: true }
/** 0, or the negated number of an error. */
const MAX_ERRNO = 4095
const ZERO_OR_ERROR: ReturnRule = { min: -MAX_ERRNO, max: 0 }
const TRUTH: ReturnRule = { min: 0, max: 1 }

interface Rules {
  readonly otherwise?: ReturnRule
  readonly byAttachType?: Readonly<Record<string, ReturnRule>>
}

/** Types that are not here return what they like. */
const RULES: ReadonlyMap<string, Rules> = new Map<string, Rules>([
  ['cgroup_skb', { otherwise: ZERO_OR_ONE, byAttachType: { cgroup_inet_egress: TWO_BITS } }],
  ['cgroup_sock', { otherwise: ZERO_OR_ONE }],
  ['cgroup_device', { otherwise: ZERO_OR_ONE }],
  ['cgroup_sysctl', { otherwise: ZERO_OR_ONE }],
  ['cgroup_sockopt', { otherwise: ZERO_OR_ONE }],
  ['sock_ops', { otherwise: ZERO_OR_ONE }],
  ['sk_lookup', { otherwise: ZERO_OR_ONE }],
  ['netfilter', { otherwise: ZERO_OR_ONE }],
  [
    'cgroup_sock_addr',
    {
      otherwise: ZERO_OR_ONE,
      byAttachType: {
        cgroup_inet4_bind: TWO_BITS,
        cgroup_inet6_bind: TWO_BITS,
        // What has happened already cannot be refused.
        cgroup_udp4_recvmsg: ONE,
        cgroup_udp6_recvmsg: ONE,
        cgroup_unix_recvmsg: ONE,
        cgroup_inet4_getpeername: ONE,
        cgroup_inet6_getpeername: ONE,
        cgroup_unix_getpeername: ONE,
        cgroup_inet4_getsockname: ONE,
        cgroup_inet6_getsockname: ONE,
        cgroup_unix_getsockname: ONE,
      },
    },
  ],
  ['kprobe', { byAttachType: { trace_kprobe_session: ZERO_OR_ONE, trace_uprobe_session: ZERO_OR_ONE } }],
  [
    'tracing',
    { byAttachType: { trace_fentry: ZERO, trace_fexit: ZERO, trace_fsession: ZERO, trace_iter: ZERO_OR_ONE } },
  ],
])

/** Hooks that answer a question, and return 0 or 1. */
const BOOLEAN_HOOKS: ReadonlySet<string> = new Set([
  'audit_rule_known',
  'inode_xattr_skipcap',
  'xfrm_state_pol_flow_match',
])

/** Hooks of the security framework that return nothing, as of 6.18. */
const VOID_HOOKS: ReadonlySet<string> = new Set(
  `
  audit_rule_free backing_file_free bdev_free_security bpf_map_free bpf_prog_free bpf_token_free
  bprm_committed_creds bprm_committing_creds cred_free cred_getlsmprop cred_getsecid cred_transfer
  current_getlsmprop_subj d_instantiate file_free_security file_release file_set_fowner ib_free_security
  inet_conn_established inet_csk_clone initramfs_populated inode_free_security inode_free_security_rcu
  inode_getlsmprop inode_invalidate_secctx inode_post_create_tmpfile inode_post_remove_acl inode_post_removexattr
  inode_post_set_acl inode_post_setattr inode_post_setxattr ipc_getlsmprop key_post_create_or_update
  msg_msg_free_security msg_queue_free_security path_post_mknod perf_event_free release_secctx req_classify_flow
  sb_delete sb_free_mnt_opts sb_free_security sctp_sk_clone secmark_refcount_dec secmark_refcount_inc
  sem_free_security shm_free_security sk_clone_security sk_free_security sk_getsecid sock_graft task_free
  task_getlsmprop_obj task_to_inode tun_dev_free_security xfrm_policy_free_security xfrm_state_free_security
  `
    .trim()
    .split(/\s+/),
)

/** Whether a security hook returns nothing; `hook` is its name, with or without `bpf_lsm_`. */
export function isVoidHook(hook: string): boolean {
  return VOID_HOOKS.has(hookName(hook))
}

function hookName(hook: string): string {
  return hook.startsWith('bpf_lsm_') ? hook.slice('bpf_lsm_'.length) : hook
}

function hookRange(attachType: string | undefined, hook: string | undefined): ReturnRule | undefined {
  const returnsNothing = hook !== undefined && isVoidHook(hook)
  if (attachType === 'lsm_cgroup') return returnsNothing ? ONE : ZERO_OR_ONE
  if (returnsNothing) return undefined
  return hook !== undefined && BOOLEAN_HOOKS.has(hookName(hook)) ? TRUTH : ZERO_OR_ERROR
}

/**
 * What r0 must be when a program of this type exits; undefined: anything. `attachType` is bpftool's name, `attachTo` the
 * hook or function.
 */
export function returnRange(
  programType: string,
): (attachType: string | undefined, attachTo?: string) => ReturnRule | undefined {
  if (programType === 'lsm') return hookRange
  const rules = RULES.get(programType)
  const byAttachType = new Map(Object.entries(rules?.byAttachType ?? {}))
  return (attachType) => (attachType === undefined ? undefined : byAttachType.get(attachType)) ?? rules?.otherwise
}
