/**
 * What a verifier asks of a call of each of Linux's 211 numbered helpers: kinds and sizes of arguments, what comes back,
 * what the call does to packet pointers and references.
 *
 * Written from the manual page bpf-helpers(7), docs.ebpf.io and the kernel's documentation of the verifier; each kind was
 * then held against the running kernel, whose log names the types of registers that it would have taken.
 * @see https://man7.org/linux/man-pages/man7/bpf-helpers.7.html
 * @see https://docs.ebpf.io/linux/helper-function/
 * @see https://docs.kernel.org/bpf/verifier.html
 * @module
 */
import { parseSignatureTable, type SignatureTable } from './signature-table.ts'
import type { HelperSignature, HelperSpec } from './types.ts'

/**
 * `id | arguments | result | effects`; after the id, names of program types for which this row replaces the general one.
 *
 * Of an argument: its kind, then `null`, `read`, `write`, `read_write`, `uninit`, `aligned`, `release`, a number of
 * bytes, the kind of a dynptr, `:type` for a kernel type. `read` means that memory which may only be read will do as
 * well; without it and without `write`, it will not, though the helper does not write.
 */
const TABLE = `
1 | const_map_ptr, map_key | map_value null | packet_access
2 | const_map_ptr, map_key, map_value, anything | integer | packet_access
3 | const_map_ptr, map_key | integer | packet_access
4 | mem write uninit, const_size_or_zero, anything | integer
5 | | integer
6 | mem read, const_size | integer | perfmon
7 | | integer
8 | | integer
9 | ctx, anything, mem read, const_size, anything | integer | changes_packet
10 | ctx, anything, anything, anything, anything | integer | changes_packet
11 | ctx, anything, anything, anything, anything | integer | changes_packet
12 | ctx, const_map_ptr, anything | void | changes_packet
13 | ctx, anything, anything | integer | changes_packet
14 | | integer
15 | | integer
16 | mem write uninit, const_size | integer | perfmon
17 | | integer
17 sched_cls sched_act lwt_in lwt_out lwt_xmit lwt_seg6local | ctx | integer
18 | ctx, anything, anything | integer | changes_packet
19 | ctx | integer | changes_packet
20 | ctx, mem write uninit, const_size, anything | integer
21 | ctx, mem read, const_size, anything | integer
22 | const_map_ptr, anything | integer | perfmon
23 | anything, anything | integer
24 | ctx | integer
25 | ctx, const_map_ptr, anything, mem read, const_size_or_zero | integer
26 | ctx, anything, mem write uninit, const_size | integer
27 | ctx, const_map_ptr, anything | integer
27 perf_event | ctx, const_map_ptr, anything | integer | any_license
28 | mem null read, const_size_or_zero, mem null read, const_size_or_zero, anything | integer | packet_access
29 | ctx, mem write uninit, const_size | integer
30 | ctx, mem read, const_size | integer
31 | ctx, anything, anything | integer | changes_packet
32 | ctx, anything | integer
33 | ctx, const_map_ptr, anything | integer
34 | ctx | integer
35 | | integer | perfmon
36 | anything, mem read, const_size | integer
37 | const_map_ptr, anything | integer
38 | ctx, anything, anything | integer | changes_packet
39 | ctx, anything | integer | changes_packet
40 | ctx, anything | integer
41 | ctx | integer
42 | | integer
43 | ctx, anything, anything | integer | changes_packet
44 | ctx, anything | integer | changes_packet
45 | mem write uninit, const_size_or_zero, anything | integer
46 | ctx | integer
46 sk_reuseport syscall tracing lsm | btf_sock_common null | integer
47 | ctx | integer
48 | ctx, anything | integer
49 | ctx, anything, anything, mem read, const_size | integer
49 cgroup_sockopt struct_ops tracing lsm | btf_sock_common, anything, anything, mem read, const_size | integer
50 | ctx, anything, anything, anything | integer | changes_packet
51 | const_map_ptr, anything, anything | integer
52 | ctx, const_map_ptr, anything, anything | integer
53 | ctx, const_map_ptr, map_key, anything | integer | packet_access
54 | ctx, anything | integer | changes_packet
55 | const_map_ptr, anything, mem write uninit, const_size | integer | perfmon
56 | ctx, mem write uninit, const_size | integer
57 | ctx, anything, anything, mem write uninit, const_size | integer
57 cgroup_sockopt struct_ops tracing lsm | btf_sock_common, anything, anything, mem write uninit, const_size | integer
58 | ctx, anything | integer
59 | ctx, anything | integer
60 | ctx, const_map_ptr, anything, anything | integer
61 | ctx, anything | integer
62 | ctx, anything | integer
63 | ctx, anything, anything, anything | integer | changes_packet
64 | ctx, mem read, const_size | integer
65 | ctx, anything | integer | changes_packet
66 | ctx, anything, mem write uninit, const_size, anything | integer
67 | ctx, mem write uninit, const_size_or_zero, anything | integer
68 | ctx, anything, mem write uninit, const_size, anything | integer
69 | ctx, mem read_write, const_size, anything | integer
70 | ctx, const_map_ptr, map_key, anything | integer | packet_access
71 | ctx, const_map_ptr, map_key, anything | integer
72 | ctx, const_map_ptr, map_key, anything | integer
73 | ctx, anything, mem read, const_size | integer | changes_packet
74 | ctx, anything, mem read, const_size | integer | changes_packet
75 | ctx, anything, anything | integer | changes_packet
76 | ctx, anything, mem read, const_size | integer | changes_packet
77 | ctx | integer
78 | ctx, anything, anything, anything | integer
79 | ctx | integer
80 | | integer
81 | const_map_ptr, anything | map_value
82 | ctx, const_map_ptr, map_key, anything | integer
83 | ctx, anything | integer
84 | ctx, mem read, const_size_or_zero, anything, anything | socket null | packet_access acquires
85 | ctx, mem read, const_size_or_zero, anything, anything | socket null | packet_access acquires
86 | btf_sock_common release | integer
87 | const_map_ptr, map_value, anything | integer | packet_access
88 | const_map_ptr, map_value write uninit | integer
89 | const_map_ptr, map_value write uninit | integer
90 | ctx, anything, anything, anything | integer | changes_packet
91 | ctx, anything, anything, anything | integer | changes_packet
92 | ctx, anything, anything | integer
93 | spin_lock | void
94 | spin_lock | void
95 | sock_common | socket null | casts_arg
96 | sock_common | tcp_sock null | casts_arg
97 | ctx | integer
98 | sock_common | socket null
99 | ctx, mem read, const_size_or_zero, anything, anything | sock_common null | packet_access acquires
100 | btf_sock_common, mem read, const_size, mem read, const_size | integer | packet_access
101 | ctx, mem read_write, const_size, anything | integer
102 | ctx, mem write uninit, const_size | integer
103 | ctx, mem write uninit, const_size | integer
104 | ctx, mem read, const_size | integer
105 | mem read, const_size, anything, mem 8 write uninit aligned | integer
106 | mem read, const_size, anything, mem 8 write uninit aligned | integer
107 | const_map_ptr, btf_sock_common, map_value null, anything | map_value null
107 tracing syscall | const_map_ptr, btf null :sock_common, map_value null, anything | map_value null
107 cgroup_sock | const_map_ptr, ctx, map_value null, anything | map_value null
108 | const_map_ptr, btf_sock_common | integer
108 tracing syscall | const_map_ptr, btf null :sock_common | integer
109 | anything | integer | perfmon
110 | btf_sock_common, mem read, const_size, mem read, const_size | integer | packet_access
111 | btf :sk_buff, const_map_ptr, anything, mem read, const_size_or_zero | integer
112 | mem write uninit, const_size_or_zero, anything | integer | perfmon
113 | mem write uninit, const_size_or_zero, anything | integer | perfmon
114 | mem write uninit, const_size_or_zero, anything | integer | perfmon
115 | mem write uninit, const_size_or_zero, anything | integer | perfmon
116 | btf :tcp_sock, anything | integer
117 | anything | integer | perfmon
118 | | integer
119 | ctx, mem null read_write, const_size_or_zero, anything | integer
120 | anything, anything, mem write uninit, const_size | integer
121 | btf :xdp_buff, const_map_ptr, anything, mem read, const_size_or_zero | integer
122 | ctx null | integer
123 | anything | integer
124 | ctx, btf_sock_common, anything | integer
124 sk_lookup | ctx, socket null, anything | integer
125 | | integer
126 | btf :seq_file, mem read, const_size, mem null read, const_size_or_zero | integer
127 | btf :seq_file, mem read, const_size_or_zero | integer
128 | btf_sock_common | integer
129 | btf_sock_common, anything | integer
130 | const_map_ptr, mem read, const_size_or_zero, anything | integer
131 | const_map_ptr, const_alloc_size_or_zero, anything | alloc_mem null ringbuf | acquires
132 | ringbuf_mem release, anything | void
133 | ringbuf_mem release, anything | void
134 | const_map_ptr, anything | integer
135 | ctx, anything | integer
136 | btf_sock_common | btf null :tcp6_sock | casts_arg perfmon
136 syscall | btf_sock_common | btf null :tcp6_sock | casts_arg
137 | btf_sock_common | btf null :tcp_sock | casts_arg perfmon
137 syscall | btf_sock_common | btf null :tcp_sock | casts_arg
138 | btf_sock_common | btf null :tcp_timewait_sock | casts_arg perfmon
138 syscall | btf_sock_common | btf null :tcp_timewait_sock | casts_arg
139 | btf_sock_common | btf null :tcp_request_sock | casts_arg perfmon
139 syscall | btf_sock_common | btf null :tcp_request_sock | casts_arg
140 | btf_sock_common | btf null :udp6_sock | casts_arg perfmon
140 syscall | btf_sock_common | btf null :udp6_sock | casts_arg
141 | btf :task_struct, mem write uninit, const_size_or_zero, anything | integer | perfmon
142 | ctx, mem read_write, const_size, anything | integer
143 | ctx, mem read, const_size, anything | integer | changes_packet
144 | ctx, anything, anything | integer
145 | const_map_ptr, btf null :inode, map_value null, anything | map_value null
146 | const_map_ptr, btf null :inode | integer
147 | btf :path, mem read_write, const_size_or_zero | integer
148 | mem write uninit, const_size_or_zero, anything | integer | might_sleep perfmon
149 | mem read_write, const_size, mem read, const_size, anything | integer | perfmon
150 | btf :seq_file, mem read, const_size_or_zero, anything | integer
151 | ctx | integer
152 | anything, mem null read, const_size_or_zero, anything | integer
153 | percpu_btf, anything | mem_or_btf null read_only
154 | percpu_btf | mem_or_btf read_only
155 | anything, anything | integer
156 | const_map_ptr, btf null :task_struct, map_value null, anything | map_value null
157 | const_map_ptr, btf null :task_struct | integer
158 | | btf trusted :task_struct | perfmon
159 | btf :linux_binprm, anything | integer
160 | | integer
161 | btf :inode, mem write uninit, const_size | integer | might_sleep
162 | btf :file | btf null :socket
163 | ctx, anything, mem 4 read_write aligned, anything, anything | integer
164 | const_map_ptr, func, stack null, anything | integer
165 | mem null read_write, const_size_or_zero, const_str, mem null read, const_size_or_zero | integer | perfmon
166 | anything, mem read, const_size | integer | perfmon
167 | mem read, const_size, anything, anything | integer
168 | anything | integer
169 | timer, const_map_ptr, anything | integer
170 | timer, func | integer
171 | timer, anything, anything | integer
172 | timer | integer
173 | ctx | integer
174 | ctx | integer
175 | btf :task_struct | btf :pt_regs | perfmon
176 | mem write uninit, const_size_or_zero | integer | perfmon
177 | mem read, const_size, mem null read, const_size_or_zero | integer | perfmon
178 | btf_sock_common | btf null :unix_sock | perfmon
178 syscall | btf_sock_common | btf null :unix_sock
179 | mem read, const_size_or_zero, anything, mem 8 write uninit aligned | integer
180 | btf :task_struct, anything, func, stack null, anything | integer | perfmon
181 | anything, func, stack null, anything | integer
182 | mem read, const_size, const_str | integer
183 | ctx, anything, mem 8 write uninit aligned | integer
184 | ctx, mem 8 write uninit aligned | integer
185 | ctx | integer
186 | | integer
187 | anything | integer
188 | ctx | integer
188 syscall tracing lsm | btf :xdp_buff | integer
189 | ctx, anything, mem write uninit, const_size | integer
190 | ctx, anything, mem read, const_size | integer
191 | mem write uninit, const_size_or_zero, anything, btf :task_struct, anything | integer | might_sleep perfmon
192 | ctx, anything, anything | integer
193 | btf :file, mem write uninit, const_size | integer | might_sleep
194 | kptr, btf null release | btf null | acquires
195 | const_map_ptr, map_key, anything | map_value null | packet_access
196 | sock_common | btf null :mptcp_sock | casts_arg perfmon
196 syscall | sock_common | btf null :mptcp_sock | casts_arg
197 | mem write uninit, const_size_or_zero, anything, dynptr local write uninit | integer
198 | const_map_ptr, anything, anything, dynptr ringbuf write uninit | integer
199 | dynptr ringbuf release, anything | void
200 | dynptr ringbuf release, anything | void
201 | mem write uninit, const_size_or_zero, dynptr read, anything, anything | integer
202 | dynptr read, anything, mem read, const_size_or_zero, anything | integer
203 | dynptr read, anything, const_alloc_size_or_zero | dynptr_mem null | casts_arg
204 | mem 20 read, mem read, const_size_or_zero | integer | packet_access
205 | mem 40 read, mem read, const_size_or_zero | integer | packet_access
206 | mem 20 read, mem 20 read | integer | packet_access
207 | mem 40 read, mem 20 read | integer | packet_access
208 | | integer
209 | const_map_ptr, func, stack null, anything | integer
210 | const_map_ptr, btf null :cgroup, map_value null, anything | map_value null
211 | const_map_ptr, btf null :cgroup | integer
`

/** The rows of each helper, as text: found at the first question, since most runs of the command line ask none. */
let rows: ReadonlyMap<number, string> | undefined
const parsed = new Map<number, SignatureTable>()

function rowsById(): ReadonlyMap<number, string> {
  const byId = new Map<number, string>()
  for (const line of TABLE.trim().split('\n')) {
    const id = Number.parseInt(line, 10)
    const before = byId.get(id)
    byId.set(id, before === undefined ? line : `${before}\n${line}`)
  }
  return byId
}

/** A program calls a few helpers: only theirs are parsed. */
function signatures(id: number): SignatureTable | undefined {
  const known = parsed.get(id)
  if (known !== undefined) return known
  rows ??= rowsById()
  const text = rows.get(id)
  if (text === undefined) return undefined
  const table = parseSignatureTable(text)
  parsed.set(id, table)
  return table
}

/** The general signature of one of Linux's helpers. */
export function linuxSignature(id: number): HelperSignature | undefined {
  return signatures(id)?.general.get(id)
}

/** The signatures that some program types have instead, by name of the program type. */
export function linuxSignatureVariants(id: number): ReadonlyMap<string, HelperSignature> | undefined {
  return signatures(id)?.byProgramType.get(id)
}

/** What a call of `helper` has to look like in programs of this type; undefined: its row says nothing. */
export function signatureFor(helper: HelperSpec, programType: string): HelperSignature | undefined {
  return helper.signatureByProgramType?.get(programType) ?? helper.signature
}
