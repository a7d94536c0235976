/**
 * Headless Chromium with a profile of its own, which is gone afterwards together with every process that used it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The command, where there is one. */
export const chromium = ['/usr/bin/chromium', 'chromium'].find((path) => spawnSync(path, ['--version']).status === 0)

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--no-proxy-server',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Browser {
  /** What it printed, once it has ended with status 0; rejects if it ends otherwise, or takes too long. */
  readonly ended: Promise<string>
}

/**
 * Starts Chromium with more arguments, of which the last is the page, for as long as `use` takes.
 *
 * @param timeoutMs - after which the browser is killed, and `ended` rejects
 */
export async function withChromium<T>(
  args: readonly string[],
  timeoutMs: number,
  use: (browser: Browser) => Promise<T>,
): Promise<T> {
  const profile = mkdtempSync(join(tmpdir(), 'anybpf-chromium-'))
  // Detached: leader of a process group, in which its renderers and services are, too.
  const child = spawn(chromium!, [...FLAGS, `--user-data-dir=${profile}`, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const timer = setTimeout(() => killGroup(child), timeoutMs)
  const ended = outputOf(child)
  // Whoever does not wait for the end need not hear of it.
  ended.catch(() => undefined)
  try {
    return await use({ ended })
  } finally {
    clearTimeout(timer)
    killGroup(child)
    await ended.catch(() => undefined)
    await removeProfile(profile)
  }
}

function outputOf(child: ChildProcess): Promise<string> {
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout!.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr!.on('data', (chunk: Buffer) => stderr.push(chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    // 'close' comes when nobody holds the pipes any more: so end those whom it left behind.
    child.once('exit', () => killGroup(child))
    child.once('close', (status, signal) => {
      if (status === 0) resolve(Buffer.concat(stdout).toString())
      else reject(new Error(`chromium ended with ${status ?? signal}: ${Buffer.concat(stderr)}`))
    })
  })
}

/** Ends the browser and what it started, also if the browser itself has ended. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // No process of the group is left.
  }
}

/** Killed processes may take a moment to be gone; a profile that stays is no failure of the test that used it. */
async function removeProfile(profile: string): Promise<void> {
  try {
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  } catch (error) {
    console.log(`left behind: ${profile} (${error instanceof Error ? error.message : error})`)
  }
}
