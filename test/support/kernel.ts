/**
 * The running kernel as a second opinion, where it can be asked: root, Python, and the version that the tests are about.
 * @module
 */
import { spawnSync } from 'node:child_process'
import { release } from 'node:os'
import { KernelOracle } from '../../scripts/score/kernel-oracle.ts'
import type { KernelVerdict } from '../../scripts/score/kernel-question.ts'

/** The kernel that verdicts of the tests are those of. */
export const KERNEL = '6.18'

const RETURN_ZERO = { insns: 'b7000000000000009500000000000000', type: 1, license: 'GPL', fixups: [] }

export interface Kernel {
  /** Why it cannot be asked; empty if it can. */
  readonly unavailable: string
  ask(author: 'trusted' | 'untrusted', question: object): Promise<KernelVerdict>
  close(): void
}

export async function openKernel(): Promise<Kernel> {
  const oracles: Partial<Record<'trusted' | 'untrusted', KernelOracle>> = {}
  const kernel = {
    unavailable: whyNot(),
    ask: (author: 'trusted' | 'untrusted', question: object): Promise<KernelVerdict> => {
      oracles[author] ??= new KernelOracle(author)
      return oracles[author].ask<KernelVerdict>(question)
    },
    close: (): void => {
      for (const oracle of Object.values(oracles)) oracle.close()
    },
  }
  if (kernel.unavailable !== '') return kernel
  const { error, accepted } = await kernel.ask('trusted', { maps: [], programs: [RETURN_ZERO], verify: 0 })
  if (error === undefined && accepted === true) return kernel
  kernel.close()
  return { ...kernel, unavailable: `the kernel takes no programs here${error === undefined ? '' : `: ${error}`}` }
}

function whyNot(): string {
  if (process.getuid?.() !== 0) return 'asking the kernel needs root'
  if (!release().startsWith(`${KERNEL}.`)) return `the kernel is ${release()}, the verdicts are those of ${KERNEL}`
  return spawnSync('python3', ['--version']).status === 0 ? '' : 'asking the kernel needs python3'
}
