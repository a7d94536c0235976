/**
 * The running kernel, asked through `kernel_oracle.py`: one process that answers a line for each line. Needs root.
 * @module
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export class KernelOracle {
  /** Why it cannot be asked; undefined if it can. */
  readonly unavailable: string | undefined
  private readonly child
  private readonly lines: AsyncIterator<string>

  /** `author`: as whom to ask; default trusted. */
  constructor(author: 'trusted' | 'untrusted' = 'trusted') {
    this.unavailable = process.getuid?.() === 0 ? undefined : 'asking the kernel needs root'
    const script = fileURLToPath(new URL('./kernel_oracle.py', import.meta.url))
    this.child = spawn('python3', author === 'trusted' ? [script] : [script, '--no-perfmon'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
  }

  /** The answer, as the oracle's documentation has it, or `{ error }`. */
  async ask<Answer extends { readonly error?: string }>(message: object): Promise<Answer> {
    if (this.unavailable !== undefined) return { error: this.unavailable } as Answer
    this.child.stdin.write(`${JSON.stringify(message)}\n`)
    const { value, done } = await this.lines.next()
    return (done ? { error: 'the oracle ended' } : JSON.parse(value)) as Answer
  }

  close(): void {
    this.child.stdin.end()
  }
}
