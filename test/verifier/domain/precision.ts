/**
 * How precise the domain is: the share of results of which nothing more could be said, at small widths. Sharing Linux's
 * precision to the letter, the domain is not free to be better; it must not become worse.
 *
 * `ANYBPF_PRECISION=1 ANYBPF_LONG=1 npx vitest run test/verifier/domain` prints the figures instead of holding them.
 * @module
 */
import { expect } from 'vitest'
import precision from './precision.json' with { type: 'json' }

const RECORDED: Readonly<Record<string, number>> = precision

/** Holds a share against what was recorded, to three digits. */
export function holdPrecision(name: string, share: number): void {
  const rounded = Math.floor(share * 1000) / 1000
  if (process.env['ANYBPF_PRECISION'] === '1') console.log(`precision ${JSON.stringify(name)}: ${rounded},`)
  else expect(rounded, name).toBeGreaterThanOrEqual(RECORDED[name] ?? Number.NaN)
}
