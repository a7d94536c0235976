/**
 * What iterators hand to their programs, where it is not what the prototype says: the object of each step, which is
 * NULL in the last one, and buffers with keys and values.
 * @see https://docs.kernel.org/bpf/bpf_iterators.html
 * @module
 */
import { MEM_RDONLY, PTR_MAYBE_NULL, PTR_TO_BTF_ID, PTR_TO_BUF, PTR_TRUSTED, type RegType } from '../types.ts'

export interface IteratorArgument {
  readonly type: RegType
  /** Name of the kernel structure; undefined for buffers. */
  readonly btf: string | undefined
}

const KINDS: Readonly<Record<string, RegType>> = {
  object: PTR_TO_BTF_ID | PTR_MAYBE_NULL,
  trusted: PTR_TO_BTF_ID | PTR_MAYBE_NULL | PTR_TRUSTED,
  rdonly_buf: PTR_TO_BUF | PTR_MAYBE_NULL | MEM_RDONLY,
  rdwr_buf: PTR_TO_BUF | PTR_MAYBE_NULL,
}

/** Iterator, then arguments from the second on (the first is always the iterator's own data). */
const TABLE = `
task               trusted:task_struct
task_file          object:task_struct  -  object:file
task_vma           object:task_struct  object:vm_area_struct
bpf_map            trusted:bpf_map
bpf_map_elem       -  rdonly_buf  rdwr_buf
bpf_sk_storage_map -  object:sock  rdwr_buf
sockmap            -  rdonly_buf  object:sock
tcp                trusted:sock_common
udp                trusted:udp_sock
unix               object:unix_sock
netlink            object:netlink_sock
ipv6_route         object:fib6_info
bpf_prog           object:bpf_prog
bpf_link           object:bpf_link
cgroup             trusted:cgroup
ksym               object:kallsym_iter
kmem_cache         trusted:kmem_cache
dmabuf             object:dma_buf
`

function parse(): ReadonlyMap<string, ReadonlyMap<number, IteratorArgument>> {
  const iterators = new Map<string, ReadonlyMap<number, IteratorArgument>>()
  for (const line of TABLE.trim().split('\n')) {
    const [name, ...words] = line.split(/ +/)
    const args = new Map<number, IteratorArgument>()
    words.forEach((word, i) => {
      const [kind, btf] = word.split(':')
      if (kind !== '-') args.set(8 * (i + 1), { type: KINDS[kind!]!, btf })
    })
    iterators.set(`bpf_iter_${name}`, args)
  }
  return iterators
}

/** By the name of the iterator's function (`bpf_iter_task`), then by offset in the context. */
export const ITERATOR_ARGUMENTS: ReadonlyMap<string, ReadonlyMap<number, IteratorArgument>> = parse()
