/**
 * One line on the terminal that says how far long work has come. Silent where standard error is no terminal.
 * @module
 */
import type { CliIo } from './streams.ts'

const INTERVAL_MS = 100

export class Progress {
  private readonly io: CliIo
  private readonly now: () => number
  private readonly started: number
  private shownAt: number
  private visible = false

  /** Nothing is shown for the first half second: short work needs no progress. */
  constructor(io: CliIo, now: () => number = () => performance.now()) {
    this.io = io
    this.now = now
    this.started = now()
    this.shownAt = this.started + 500 - INTERVAL_MS
  }

  /** Shows `done` and its rate, ten times a second at most. */
  update(done: number, unit: string): void {
    if (!this.io.stderr.isTTY) return
    const now = this.now()
    if (now - this.shownAt < INTERVAL_MS) return
    this.shownAt = now
    const rate = formatCount(Math.round(done / ((now - this.started) / 1000)))
    this.io.stderr.write(`\r\x1b[K${formatCount(done)} ${unit}, ${rate} per second`)
    this.visible = true
  }

  /** Removes the line; call it before anything else is printed. */
  clear(): void {
    if (this.visible) this.io.stderr.write('\r\x1b[K')
    this.visible = false
  }
}

/** `1234567` as `1,234,567`. */
export function formatCount(value: number | bigint): string {
  return value.toString().replace(/\B(?=(\d{3})+(?!\d))/g, ',')
}

/** Nanoseconds with the unit that reads best: `41.3 ns`, `2.07 µs`, `12.5 ms`, `3.2 s`. */
export function formatDuration(ns: number): string {
  const [scale, unit] = ns < 1e3 ? [1, 'ns'] : ns < 1e6 ? [1e3, 'µs'] : ns < 1e9 ? [1e6, 'ms'] : [1e9, 's']
  return `${Number((ns / scale).toPrecision(3))} ${unit}`
}
