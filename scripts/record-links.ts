/**
 * Writes down what bpftool makes of the pairs in `test/objects/link`, for machines without bpftool: `npx tsx
 * scripts/record-links.ts`, where `bpftool gen object` works.
 * @module
 */
import { writeFileSync } from 'node:fs'
import { behaviourOf, linkByBpftool, PAIRS, pairInputs, RECORDED } from '../test/support/linked.ts'

const lines = PAIRS.map((name) => JSON.stringify([name, behaviourOf(linkByBpftool(pairInputs(name)))]))
writeFileSync(RECORDED, `${lines.join('\n')}\n`)
