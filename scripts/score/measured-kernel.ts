/**
 * The kernel that the corpora were measured on: Linux 6.18, less what its configuration lacks. A listing of reasons: each
 * helper here is one that Linux has and that kernel refuses to every program.
 * @module
 */
import { extendPlatform, findLinuxHelper, type HelperSpec, linux } from '../../src/spec/index.ts'

/** By name, why. */
export const WITHHELD_HELPERS: Readonly<Record<string, string>> = {
  override_return: 'built without CONFIG_BPF_KPROBE_OVERRIDE (it has no kprobes)',
  probe_write_user: 'locked down: no program may write into user memory',
}

function withheld([name, unavailable]: readonly [string, string]): HelperSpec {
  const helper = findLinuxHelper(name)
  if (helper === undefined) throw new Error(`Linux has no helper ${name}`)
  return { ...helper, unavailable }
}

export const MEASURED_KERNEL = extendPlatform(linux('6.18'), {
  name: 'linux 6.18, as measured',
  helpers: Object.entries(WITHHELD_HELPERS).map(withheld),
})
