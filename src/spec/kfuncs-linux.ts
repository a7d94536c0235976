/**
 * The kernel functions of Linux that programs may call by name (kfuncs), but for those that only one subsystem's programs
 * have a use for (sched_ext, HID, queueing disciplines, congestion control).
 *
 * Sources: docs.ebpf.io for versions, flags and program types; the latter, and prototypes, as a running 6.18 kernel has them. Suffixes
 * of parameters are part of the interface: `__sz` is the size of the argument before, `__k` a constant, `__ign` is not
 * looked at, `__nullable` and `__opt` may be NULL.
 * @see https://docs.ebpf.io/linux/kfuncs/
 * @see https://docs.kernel.org/bpf/kfuncs.html
 * @module
 */
import { AnybpfError } from '../util/index.ts'
import type { KfuncSpec } from './types.ts'

/** A line: `name since flags | prototype in C`, since being a kernel version or `-`; `@ program types` begins a group. */
const TABLE = `
@ tracing tracepoint perf_event lsm
cgroup_rstat_updated - | void cgroup_rstat_updated(struct cgroup *cgrp, int cpu)
cgroup_rstat_flush - sleepable | void cgroup_rstat_flush(struct cgroup *cgrp)
@ tracepoint perf_event tracing lsm
css_rstat_updated 6.16 | void css_rstat_updated(struct cgroup_subsys_state *css, int cpu)
css_rstat_flush 6.16 sleepable | void css_rstat_flush(struct cgroup_subsys_state *css)
@ sched_cls tracepoint xdp perf_event cgroup_skb cgroup_sock sock_ops cgroup_device cgroup_sock_addr cgroup_sysctl cgroup_sockopt syscall tracing lsm
bpf_lookup_user_key 6.1 acquire ret_null sleepable | struct bpf_key *bpf_lookup_user_key(s32 serial, u64 flags)
bpf_lookup_system_key 6.1 acquire ret_null | struct bpf_key *bpf_lookup_system_key(u64 id)
bpf_key_put 6.1 release | void bpf_key_put(struct bpf_key *bkey)
@ lsm
bpf_verify_pkcs7_signature 6.1 sleepable | int bpf_verify_pkcs7_signature(struct bpf_dynptr *data_p, struct bpf_dynptr *sig_p, struct bpf_key *trusted_keyring)
bpf_get_file_xattr 6.8 sleepable trusted_args | int bpf_get_file_xattr(struct file *file, const char *name__str, struct bpf_dynptr *value_p)
bpf_get_fsverity_digest 6.8 trusted_args | int bpf_get_fsverity_digest(struct file *file, struct bpf_dynptr *digest_p)
bpf_get_task_exe_file 6.12 acquire trusted_args ret_null | struct file *bpf_get_task_exe_file(struct task_struct *task)
bpf_put_file 6.12 release | void bpf_put_file(struct file *file)
bpf_path_d_path 6.12 trusted_args | int bpf_path_d_path(const struct path *path, char *buf, size_t buf__sz)
bpf_get_dentry_xattr 6.12 sleepable trusted_args | int bpf_get_dentry_xattr(struct dentry *dentry, const char *name__str, struct bpf_dynptr *value_p)
bpf_set_dentry_xattr 6.15 sleepable trusted_args | int bpf_set_dentry_xattr(struct dentry *dentry, const char *name__str, const struct bpf_dynptr *value_p, int flags)
bpf_remove_dentry_xattr 6.15 sleepable trusted_args | int bpf_remove_dentry_xattr(struct dentry *dentry, const char *name__str)
@ tracing
bpf_sock_destroy 6.5 trusted_args | int bpf_sock_destroy(struct sock_common *sock)
@ tracepoint perf_event syscall tracing lsm struct_ops
bpf_cpumask_create 6.3 acquire ret_null | struct bpf_cpumask *bpf_cpumask_create(void)
bpf_cpumask_release 6.3 release | void bpf_cpumask_release(struct bpf_cpumask *cpumask)
bpf_cpumask_acquire 6.3 acquire trusted_args | struct bpf_cpumask *bpf_cpumask_acquire(struct bpf_cpumask *cpumask)
bpf_cpumask_first 6.3 rcu | u32 bpf_cpumask_first(const struct cpumask *cpumask)
bpf_cpumask_first_zero 6.3 rcu | u32 bpf_cpumask_first_zero(const struct cpumask *cpumask)
bpf_cpumask_first_and 6.5 rcu | u32 bpf_cpumask_first_and(const struct cpumask *src1, const struct cpumask *src2)
bpf_cpumask_set_cpu 6.3 rcu | void bpf_cpumask_set_cpu(u32 cpu, struct bpf_cpumask *cpumask)
bpf_cpumask_clear_cpu 6.3 rcu | void bpf_cpumask_clear_cpu(u32 cpu, struct bpf_cpumask *cpumask)
bpf_cpumask_test_cpu 6.3 rcu | bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *cpumask)
bpf_cpumask_test_and_set_cpu 6.3 rcu | bool bpf_cpumask_test_and_set_cpu(u32 cpu, struct bpf_cpumask *cpumask)
bpf_cpumask_test_and_clear_cpu 6.3 rcu | bool bpf_cpumask_test_and_clear_cpu(u32 cpu, struct bpf_cpumask *cpumask)
bpf_cpumask_setall 6.3 rcu | void bpf_cpumask_setall(struct bpf_cpumask *cpumask)
bpf_cpumask_clear 6.3 rcu | void bpf_cpumask_clear(struct bpf_cpumask *cpumask)
bpf_cpumask_and 6.3 rcu | bool bpf_cpumask_and(struct bpf_cpumask *dst, const struct cpumask *src1, const struct cpumask *src2)
bpf_cpumask_or 6.3 rcu | void bpf_cpumask_or(struct bpf_cpumask *dst, const struct cpumask *src1, const struct cpumask *src2)
bpf_cpumask_xor 6.3 rcu | void bpf_cpumask_xor(struct bpf_cpumask *dst, const struct cpumask *src1, const struct cpumask *src2)
bpf_cpumask_equal 6.3 rcu | bool bpf_cpumask_equal(const struct cpumask *src1, const struct cpumask *src2)
bpf_cpumask_intersects 6.3 rcu | bool bpf_cpumask_intersects(const struct cpumask *src1, const struct cpumask *src2)
bpf_cpumask_subset 6.3 rcu | bool bpf_cpumask_subset(const struct cpumask *src1, const struct cpumask *src2)
bpf_cpumask_empty 6.3 rcu | bool bpf_cpumask_empty(const struct cpumask *cpumask)
bpf_cpumask_full 6.3 rcu | bool bpf_cpumask_full(const struct cpumask *cpumask)
bpf_cpumask_copy 6.3 rcu | void bpf_cpumask_copy(struct bpf_cpumask *dst, const struct cpumask *src)
bpf_cpumask_any_distribute 6.5 rcu | u32 bpf_cpumask_any_distribute(const struct cpumask *cpumask)
bpf_cpumask_any_and_distribute 6.5 rcu | u32 bpf_cpumask_any_and_distribute(const struct cpumask *src1, const struct cpumask *src2)
bpf_cpumask_weight 6.8 rcu | u32 bpf_cpumask_weight(const struct cpumask *cpumask)
bpf_cpumask_populate 6.15 rcu | int bpf_cpumask_populate(struct cpumask *cpumask, void *src, size_t src__sz)
@ tracing tracepoint perf_event lsm sched_cls xdp struct_ops
crash_kexec 6.1 destructive | void crash_kexec(struct pt_regs *regs)
@ sched_cls tracepoint xdp perf_event cgroup_skb cgroup_sock sock_ops cgroup_device cgroup_sock_addr cgroup_sysctl cgroup_sockopt syscall tracing lsm struct_ops
bpf_obj_new_impl 6.2 acquire ret_null | void *bpf_obj_new_impl(u64 local_type_id__k, void *meta__ign)
bpf_percpu_obj_new_impl 6.7 acquire ret_null | void *bpf_percpu_obj_new_impl(u64 local_type_id__k, void *meta__ign)
bpf_obj_drop_impl 6.2 release | void bpf_obj_drop_impl(void *p__alloc, void *meta__ign)
bpf_percpu_obj_drop_impl 6.7 release | void bpf_percpu_obj_drop_impl(void *p__alloc, void *meta__ign)
bpf_refcount_acquire_impl 6.4 acquire ret_null rcu | void *bpf_refcount_acquire_impl(void *p__refcounted_kptr, void *meta__ign)
bpf_list_push_front_impl 6.4 | int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta__ign, u64 off)
bpf_list_push_back_impl 6.4 | int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta__ign, u64 off)
bpf_list_pop_front 6.2 acquire ret_null | struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head)
bpf_list_pop_back 6.2 acquire ret_null | struct bpf_list_node *bpf_list_pop_back(struct bpf_list_head *head)
bpf_task_acquire 6.2 acquire rcu ret_null | struct task_struct *bpf_task_acquire(struct task_struct *p)
bpf_task_release 6.2 release | void bpf_task_release(struct task_struct *p)
bpf_rbtree_remove 6.3 acquire ret_null | struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node)
bpf_rbtree_add_impl 6.4 | int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node, bpf_callback_t less, void *meta__ign, u64 off)
bpf_rbtree_first 6.3 ret_null | struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root)
bpf_cgroup_acquire 6.2 acquire rcu ret_null | struct cgroup *bpf_cgroup_acquire(struct cgroup *cgrp)
bpf_cgroup_release 6.2 release | void bpf_cgroup_release(struct cgroup *cgrp)
bpf_cgroup_ancestor 6.2 acquire rcu ret_null | struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level)
bpf_cgroup_from_id 6.4 acquire ret_null | struct cgroup *bpf_cgroup_from_id(u64 cgid)
bpf_task_under_cgroup 6.5 rcu | long bpf_task_under_cgroup(struct task_struct *task, struct cgroup *ancestor)
bpf_task_get_cgroup1 6.8 acquire rcu ret_null | struct cgroup *bpf_task_get_cgroup1(struct task_struct *task, int hierarchy_id)
bpf_task_from_pid 6.2 acquire ret_null | struct task_struct *bpf_task_from_pid(s32 pid)
bpf_task_from_vpid 6.13 acquire ret_null | struct task_struct *bpf_task_from_vpid(s32 vpid)
bpf_throw 6.7 | void bpf_throw(u64 cookie)
bpf_send_signal_task 6.13 trusted_args | int bpf_send_signal_task(struct task_struct *task, int sig, enum pid_type type, u64 value)
bpf_list_back 6.16 ret_null | struct bpf_list_node *bpf_list_back(struct bpf_list_head *head)
bpf_list_front 6.16 ret_null | struct bpf_list_node *bpf_list_front(struct bpf_list_head *head)
bpf_rbtree_left 6.16 ret_null | struct bpf_rb_node *bpf_rbtree_left(struct bpf_rb_root *root, struct bpf_rb_node *node)
bpf_rbtree_right 6.16 ret_null | struct bpf_rb_node *bpf_rbtree_right(struct bpf_rb_root *root, struct bpf_rb_node *node)
bpf_rbtree_root 6.16 ret_null | struct bpf_rb_node *bpf_rbtree_root(struct bpf_rb_root *root)
@ all
bpf_cast_to_kern_ctx 6.2 fastcall | void *bpf_cast_to_kern_ctx(void *obj)
bpf_rdonly_cast 6.2 fastcall | void *bpf_rdonly_cast(const void *obj__ign, u32 btf_id__k)
bpf_rcu_read_lock 6.2 | void bpf_rcu_read_lock(void)
bpf_rcu_read_unlock 6.2 | void bpf_rcu_read_unlock(void)
bpf_dynptr_slice 6.4 ret_null | void *bpf_dynptr_slice(const struct bpf_dynptr *p, u32 offset, void *buffer__opt, u32 buffer__szk)
bpf_dynptr_slice_rdwr 6.4 ret_null | void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *p, u32 offset, void *buffer__opt, u32 buffer__szk)
bpf_iter_num_new 6.4 iter_new | int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end)
bpf_iter_num_next 6.4 iter_next ret_null | int *bpf_iter_num_next(struct bpf_iter_num *it)
bpf_iter_num_destroy 6.4 iter_destroy | void bpf_iter_num_destroy(struct bpf_iter_num *it)
bpf_iter_task_vma_new 6.7 iter_new rcu | int bpf_iter_task_vma_new(struct bpf_iter_task_vma *it, struct task_struct *task, u64 addr)
bpf_iter_task_vma_next 6.7 iter_next ret_null | struct vm_area_struct *bpf_iter_task_vma_next(struct bpf_iter_task_vma *it)
bpf_iter_task_vma_destroy 6.7 iter_destroy | void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma *it)
bpf_iter_css_task_new 6.7 iter_new trusted_args | int bpf_iter_css_task_new(struct bpf_iter_css_task *it, struct cgroup_subsys_state *css, u32 flags)
bpf_iter_css_task_next 6.7 iter_next ret_null | struct task_struct *bpf_iter_css_task_next(struct bpf_iter_css_task *it)
bpf_iter_css_task_destroy 6.7 iter_destroy | void bpf_iter_css_task_destroy(struct bpf_iter_css_task *it)
bpf_iter_css_new 6.7 iter_new trusted_args rcu_protected | int bpf_iter_css_new(struct bpf_iter_css *it, struct cgroup_subsys_state *start, u32 flags)
bpf_iter_css_next 6.7 iter_next ret_null | struct cgroup_subsys_state *bpf_iter_css_next(struct bpf_iter_css *it)
bpf_iter_css_destroy 6.7 iter_destroy | void bpf_iter_css_destroy(struct bpf_iter_css *it)
bpf_iter_task_new 6.7 iter_new trusted_args rcu_protected | int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task__nullable, u32 flags)
bpf_iter_task_next 6.7 iter_next ret_null | struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it)
bpf_iter_task_destroy 6.7 iter_destroy | void bpf_iter_task_destroy(struct bpf_iter_task *it)
bpf_dynptr_adjust 6.5 | int bpf_dynptr_adjust(const struct bpf_dynptr *p, u32 start, u32 end)
bpf_dynptr_is_null 6.5 | bool bpf_dynptr_is_null(const struct bpf_dynptr *p)
bpf_dynptr_is_rdonly 6.5 | bool bpf_dynptr_is_rdonly(const struct bpf_dynptr *p)
bpf_dynptr_size 6.5 | u32 bpf_dynptr_size(const struct bpf_dynptr *p)
bpf_dynptr_clone 6.5 | int bpf_dynptr_clone(const struct bpf_dynptr *p, struct bpf_dynptr *clone__uninit)
bpf_wq_init 6.10 | int bpf_wq_init(struct bpf_wq *wq, void *p__map, u32 flags)
bpf_wq_set_callback_impl 6.10 | int bpf_wq_set_callback_impl(struct bpf_wq *wq, bpf_callback_t callback_fn, u32 flags, void *aux__prog)
bpf_wq_start 6.10 | int bpf_wq_start(struct bpf_wq *wq, u32 flags)
bpf_preempt_disable 6.10 | void bpf_preempt_disable(void)
bpf_preempt_enable 6.10 | void bpf_preempt_enable(void)
bpf_iter_bits_new 6.11 iter_new | int bpf_iter_bits_new(struct bpf_iter_bits *it, const u64 *unsafe_ptr__ign, u32 nr_words)
bpf_iter_bits_next 6.11 iter_next ret_null | int *bpf_iter_bits_next(struct bpf_iter_bits *it)
bpf_iter_bits_destroy 6.11 iter_destroy | void bpf_iter_bits_destroy(struct bpf_iter_bits *it)
bpf_copy_from_user_str 6.12 sleepable | int bpf_copy_from_user_str(void *dst, u32 dst__sz, const void *unsafe_ptr__ign, u64 flags)
bpf_get_kmem_cache 6.13 | struct kmem_cache *bpf_get_kmem_cache(u64 addr)
bpf_iter_kmem_cache_new 6.13 iter_new sleepable | int bpf_iter_kmem_cache_new(struct bpf_iter_kmem_cache *it)
bpf_iter_kmem_cache_next 6.13 iter_next ret_null sleepable | struct kmem_cache *bpf_iter_kmem_cache_next(struct bpf_iter_kmem_cache *it)
bpf_iter_kmem_cache_destroy 6.13 iter_destroy sleepable | void bpf_iter_kmem_cache_destroy(struct bpf_iter_kmem_cache *it)
bpf_local_irq_save 6.14 | void bpf_local_irq_save(u64 *flags__irq_flag)
bpf_local_irq_restore 6.14 | void bpf_local_irq_restore(u64 *flags__irq_flag)
bpf_copy_from_user_task_str 6.15 sleepable | int bpf_copy_from_user_task_str(void *dst, u32 dst__sz, const void *unsafe_ptr__ign, struct task_struct *tsk, u64 flags)
bpf_dynptr_copy 6.15 | int bpf_dynptr_copy(struct bpf_dynptr *dst_ptr, u32 dst_off, struct bpf_dynptr *src_ptr, u32 src_off, u32 size)
bpf_probe_read_user_dynptr 6.16 | int bpf_probe_read_user_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size, const void *unsafe_ptr__ign)
bpf_probe_read_kernel_dynptr 6.16 | int bpf_probe_read_kernel_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size, const void *unsafe_ptr__ign)
bpf_probe_read_user_str_dynptr 6.16 | int bpf_probe_read_user_str_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size, const void *unsafe_ptr__ign)
bpf_probe_read_kernel_str_dynptr 6.16 | int bpf_probe_read_kernel_str_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size, const void *unsafe_ptr__ign)
bpf_copy_from_user_dynptr 6.16 sleepable | int bpf_copy_from_user_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size, const void *unsafe_ptr__ign)
bpf_copy_from_user_str_dynptr 6.16 sleepable | int bpf_copy_from_user_str_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size, const void *unsafe_ptr__ign)
bpf_copy_from_user_task_dynptr 6.16 sleepable trusted_args | int bpf_copy_from_user_task_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size, const void *unsafe_ptr__ign, struct task_struct *tsk)
bpf_copy_from_user_task_str_dynptr 6.16 sleepable trusted_args | int bpf_copy_from_user_task_str_dynptr(struct bpf_dynptr *dptr, u32 off, u32 size, const void *unsafe_ptr__ign, struct task_struct *tsk)
__bpf_trap 6.16 | void __bpf_trap(void)
bpf_dynptr_memset 6.17 | int bpf_dynptr_memset(struct bpf_dynptr *p, u32 offset, u32 size, u8 val)
bpf_strchr 6.17 | int bpf_strchr(const char *s__ign, char c)
bpf_strchrnul 6.17 | int bpf_strchrnul(const char *s__ign, char c)
bpf_strcmp 6.17 | int bpf_strcmp(const char *s1__ign, const char *s2__ign)
bpf_strcspn 6.17 | int bpf_strcspn(const char *s__ign, const char *reject__ign)
bpf_strlen 6.17 | int bpf_strlen(const char *s__ign)
bpf_strnchr 6.17 | int bpf_strnchr(const char *s__ign, size_t count, char c)
bpf_strnlen 6.12 | int bpf_strnlen(const char *s__ign, size_t count)
bpf_strnstr 6.17 | int bpf_strnstr(const char *s1__ign, const char *s2__ign, size_t len)
bpf_strrchr 6.17 | int bpf_strrchr(const char *s__ign, int c)
bpf_strspn 6.17 | int bpf_strspn(const char *s__ign, const char *accept__ign)
bpf_strstr 6.17 | int bpf_strstr(const char *s1__ign, const char *s2__ign)
bpf_strcasecmp 6.18 | int bpf_strcasecmp(const char *s1__ign, const char *s2__ign)
bpf_iter_dmabuf_destroy 6.16 iter_destroy sleepable | void bpf_iter_dmabuf_destroy(struct bpf_iter_dmabuf *it)
bpf_iter_dmabuf_new 6.16 iter_new sleepable | int bpf_iter_dmabuf_new(struct bpf_iter_dmabuf *it)
bpf_iter_dmabuf_next 6.16 iter_next ret_null sleepable | struct dma_buf *bpf_iter_dmabuf_next(struct bpf_iter_dmabuf *it)
bpf_stream_vprintk_impl 6.17 trusted_args | int bpf_stream_vprintk_impl(int stream_id, const char *fmt__str, const void *args, u32 len__sz, void *aux__prog)
bpf_cgroup_read_xattr 6.17 rcu | int bpf_cgroup_read_xattr(struct cgroup *cgroup, const char *name__str, struct bpf_dynptr *value_p)
bpf_task_work_schedule_signal_impl 6.18 trusted_args | int bpf_task_work_schedule_signal_impl(struct task_struct *task, struct bpf_task_work *tw, void *map__map, bpf_callback_t callback, void *aux__prog)
bpf_task_work_schedule_resume_impl 6.18 trusted_args | int bpf_task_work_schedule_resume_impl(struct task_struct *task, struct bpf_task_work *tw, void *map__map, bpf_callback_t callback, void *aux__prog)
bpf_map_sum_elem_count 6.6 trusted_args | s64 bpf_map_sum_elem_count(const struct bpf_map *map)
bpf_arena_alloc_pages 6.9 trusted_args sleepable ret_null | void *bpf_arena_alloc_pages(void *p__map, void *addr__ign, u32 page_cnt, int node_id, u64 flags)
bpf_arena_free_pages 6.9 trusted_args sleepable | void bpf_arena_free_pages(void *p__map, void *ptr__ign, u32 page_cnt)
bpf_arena_reserve_pages 6.17 trusted_args sleepable | int bpf_arena_reserve_pages(void *p__map, void *ptr__ign, u32 page_cnt)
bpf_res_spin_lock 6.15 ret_null | int bpf_res_spin_lock(struct bpf_res_spin_lock *lock)
bpf_res_spin_unlock 6.15 | void bpf_res_spin_unlock(struct bpf_res_spin_lock *lock)
bpf_res_spin_lock_irqsave 6.15 ret_null | int bpf_res_spin_lock_irqsave(struct bpf_res_spin_lock *lock, u64 *flags__irq_flag)
bpf_res_spin_unlock_irqrestore 6.15 | void bpf_res_spin_unlock_irqrestore(struct bpf_res_spin_lock *lock, u64 *flags__irq_flag)
bpf_xdp_metadata_rx_timestamp 6.3 | int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, u64 *timestamp)
bpf_xdp_metadata_rx_hash 6.3 | int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, u32 *hash, enum xdp_rss_hash_type *rss_type)
bpf_xdp_metadata_rx_vlan_tag 6.8 | int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __be16 *vlan_proto, u16 *vlan_tci)
@ xdp
bpf_dynptr_from_xdp 6.4 | int bpf_dynptr_from_xdp(struct xdp_md *x, u64 flags, struct bpf_dynptr *ptr__uninit)
bpf_xdp_pull_data 6.18 | int bpf_xdp_pull_data(struct xdp_md *x, u32 len)
bpf_xdp_get_xfrm_state 6.8 ret_null acquire | struct xfrm_state *bpf_xdp_get_xfrm_state(struct xdp_md *ctx, struct bpf_xfrm_state_opts *opts, u32 opts__sz)
bpf_xdp_xfrm_state_release 6.8 release | void bpf_xdp_xfrm_state_release(struct xfrm_state *x)
bpf_xdp_flow_lookup 6.11 trusted_args ret_null | struct flow_offload_tuple_rhash *bpf_xdp_flow_lookup(struct xdp_md *ctx, struct bpf_fib_lookup *fib_tuple, struct bpf_flowtable_opts *opts, u32 opts_len)
@ socket_filter sched_cls sched_act tracepoint perf_event cgroup_skb cgroup_sock lwt_in lwt_out lwt_xmit sock_ops sk_skb cgroup_device cgroup_sock_addr lwt_seg6local cgroup_sysctl cgroup_sockopt netfilter tracing lsm struct_ops
bpf_dynptr_from_skb 6.4 trusted_args | int bpf_dynptr_from_skb(struct __sk_buff *s, u64 flags, struct bpf_dynptr *ptr__uninit)
@ cgroup_skb cgroup_sock sock_ops cgroup_device cgroup_sock_addr cgroup_sysctl cgroup_sockopt
bpf_sock_addr_set_sun_path 6.7 | int bpf_sock_addr_set_sun_path(struct bpf_sock_addr_kern *sa_kern, const u8 *sun_path, u32 sun_path__sz)
bpf_sock_ops_enable_tx_tstamp 6.15 trusted_args | int bpf_sock_ops_enable_tx_tstamp(struct bpf_sock_ops_kern *skops, u64 flags)
@ sched_cls xdp
bpf_ct_set_nat_info 6.1 trusted_args | int bpf_ct_set_nat_info(struct nf_conn___init *nfct, union nf_inet_addr *addr, int port, enum nf_nat_manip_type manip)
bpf_xdp_ct_alloc 6.0 acquire ret_null | struct nf_conn___init *bpf_xdp_ct_alloc(struct xdp_md *xdp_ctx, struct bpf_sock_tuple *bpf_tuple, u32 tuple__sz, struct bpf_ct_opts *opts, u32 opts__sz)
bpf_xdp_ct_lookup 5.18 acquire ret_null | struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *xdp_ctx, struct bpf_sock_tuple *bpf_tuple, u32 tuple__sz, struct bpf_ct_opts *opts, u32 opts__sz)
bpf_skb_ct_alloc 6.0 acquire ret_null | struct nf_conn___init *bpf_skb_ct_alloc(struct __sk_buff *skb_ctx, struct bpf_sock_tuple *bpf_tuple, u32 tuple__sz, struct bpf_ct_opts *opts, u32 opts__sz)
bpf_skb_ct_lookup 5.18 acquire ret_null | struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb_ctx, struct bpf_sock_tuple *bpf_tuple, u32 tuple__sz, struct bpf_ct_opts *opts, u32 opts__sz)
bpf_ct_insert_entry 6.0 acquire ret_null release | struct nf_conn *bpf_ct_insert_entry(struct nf_conn___init *nfct_i)
bpf_ct_release 5.18 release | void bpf_ct_release(struct nf_conn *nfct)
bpf_ct_set_timeout 6.0 trusted_args | void bpf_ct_set_timeout(struct nf_conn___init *nfct, u32 timeout)
bpf_ct_change_timeout 6.0 trusted_args | int bpf_ct_change_timeout(struct nf_conn *nfct, u32 timeout)
bpf_ct_set_status 6.0 trusted_args | int bpf_ct_set_status(const struct nf_conn___init *nfct, u32 status)
bpf_ct_change_status 6.0 trusted_args | int bpf_ct_change_status(struct nf_conn *nfct, u32 status)
@ sched_cls
bpf_skb_get_xfrm_info 6.2 | int bpf_skb_get_xfrm_info(struct __sk_buff *skb_ctx, struct bpf_xfrm_info *to)
bpf_skb_set_xfrm_info 6.2 | int bpf_skb_set_xfrm_info(struct __sk_buff *skb_ctx, const struct bpf_xfrm_info *from)
bpf_sk_assign_tcp_reqsk 6.11 trusted_args | int bpf_sk_assign_tcp_reqsk(struct __sk_buff *s, struct sock *sk, struct bpf_tcp_req_attrs *attrs, int attrs__sz)
@ syscall
bpf_crypto_ctx_create 6.10 acquire ret_null sleepable | struct bpf_crypto_ctx *bpf_crypto_ctx_create(const struct bpf_crypto_params *params, u32 params__sz, int *err)
bpf_crypto_ctx_release 6.10 release | void bpf_crypto_ctx_release(struct bpf_crypto_ctx *ctx)
bpf_crypto_ctx_acquire 6.10 acquire rcu ret_null | struct bpf_crypto_ctx *bpf_crypto_ctx_acquire(struct bpf_crypto_ctx *ctx)
@ sched_cls sched_act xdp
bpf_crypto_decrypt 6.10 rcu | int bpf_crypto_decrypt(struct bpf_crypto_ctx *ctx, const struct bpf_dynptr *src, const struct bpf_dynptr *dst, const struct bpf_dynptr *siv__nullable)
bpf_crypto_encrypt 6.10 rcu | int bpf_crypto_encrypt(struct bpf_crypto_ctx *ctx, const struct bpf_dynptr *src, const struct bpf_dynptr *dst, const struct bpf_dynptr *siv__nullable)
@ kprobe
bpf_session_is_return 6.10 | bool bpf_session_is_return(void)
bpf_session_cookie 6.10 | __u64 *bpf_session_cookie(void)
@ struct_ops syscall tracing tracepoint perf_event lsm
bpf_iter_scx_dsq_new 6.12 iter_new rcu_protected | int bpf_iter_scx_dsq_new(struct bpf_iter_scx_dsq *it, u64 dsq_id, u64 flags)
bpf_iter_scx_dsq_next 6.12 iter_next ret_null | struct task_struct *bpf_iter_scx_dsq_next(struct bpf_iter_scx_dsq *it)
bpf_iter_scx_dsq_destroy 6.12 iter_destroy | void bpf_iter_scx_dsq_destroy(struct bpf_iter_scx_dsq *it)
@ struct_ops
bpf_skb_get_hash 6.16 trusted_args | u32 bpf_skb_get_hash(struct sk_buff *skb)
bpf_kfree_skb 6.16 trusted_args | void bpf_kfree_skb(struct sk_buff *skb)
@ sched_cls sched_act
bpf_dynptr_from_skb_meta 6.18 trusted_args | int bpf_dynptr_from_skb_meta(struct __sk_buff *skb_, u64 flags, struct bpf_dynptr *ptr__uninit)
`

type Flag = KfuncSpec['flags'][number]

const FLAGS: ReadonlySet<string> = new Set<Flag>([
  'acquire',
  'release',
  'ret_null',
  'trusted_args',
  'sleepable',
  'destructive',
  'rcu',
  'iter_new',
  'iter_next',
  'iter_destroy',
  'rcu_protected',
  'fastcall',
])

const ROW = /^(\w+) ([\d.]+|-)((?: \w+)*) \| (.+)$/

function parseKfuncTable(table: string): ReadonlyMap<string, KfuncSpec> {
  const kfuncs = new Map<string, KfuncSpec>()
  let programTypes: readonly string[] | undefined
  for (const line of table.trim().split('\n')) {
    if (line.startsWith('@ ')) {
      programTypes = line === '@ all' ? undefined : line.slice(2).split(' ')
      continue
    }
    const row = ROW.exec(line)
    const flags = (row?.[3] ?? '').split(' ').filter(Boolean)
    if (row === null || !flags.every((flag): flag is Flag => FLAGS.has(flag))) {
      throw new AnybpfError('ERR_FORMAT', `not a row of a table of kernel functions: ${line}`)
    }
    const [, name, since, , prototype] = row
    kfuncs.set(name!, {
      name: name!,
      prototype: prototype!,
      flags,
      ...(since !== '-' && { since: since! }),
      ...(programTypes !== undefined && { programTypes }),
    })
  }
  return kfuncs
}

/** By name. */
export const LINUX_KFUNCS: ReadonlyMap<string, KfuncSpec> = parseKfuncTable(TABLE)

/** Bytes of the iterators that programs keep on their stack, by name of the structure. */
export const LINUX_ITERATOR_SIZES: ReadonlyMap<string, number> = new Map([
  ['bpf_iter_num', 8],
  ['bpf_iter_bits', 16],
  ['bpf_iter_task', 24],
  ['bpf_iter_task_vma', 8],
  ['bpf_iter_css', 24],
  ['bpf_iter_css_task', 8],
  ['bpf_iter_kmem_cache', 8],
  ['bpf_iter_dmabuf', 8],
  ['bpf_iter_scx_dsq', 48],
])
