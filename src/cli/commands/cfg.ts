/**
 * `anybpf cfg`: a control-flow graph, for Graphviz or as JSON.
 * @module
 */
import { buildCfg, type Cfg, cfgToDot, computeDominators, findLoops, type Loops } from '../../isa/index.ts'
import { EXIT, type ExitStatus, step } from '../errors.ts'
import { chooseByName } from '../input.ts'
import { formatJson } from '../json.ts'
import { disassembleListing, type LinkedListing, type Listing, type ListingOptions, readListings } from '../listing.ts'
import type { CliIo } from '../streams.ts'

export interface CfgOptions extends ListingOptions {
  readonly program?: string
  readonly json?: boolean
}

export async function cfgCommand(file: string, options: CfgOptions, io: CliIo): Promise<ExitStatus> {
  const listings = await readListings(file, options, io)
  // Functions can be named, but do not compete with programs where no name is given.
  const choice = options.program === undefined ? listings.programs : [...listings.programs, ...listings.functions]
  const named: Record<string, Listing> = Object.create(null)
  for (const listing of choice) named[listing.name] = listing
  const { value } = chooseByName(named, options.program, 'program', file)
  const { linked, cfg } = await step(EXIT.badInput, file, () => {
    const all = listings.link(value)
    return { linked: all, cfg: buildCfg(all.insns) }
  })
  const texts = new Map<number, string>()
  for (const { slot, text, comment } of disassembleListing(linked, listings)) {
    texts.set(slot, comment === undefined ? text : `${text}  # ${comment}`)
  }
  io.stdout.write(
    options.json
      ? formatJson(cfgToJson(linked, cfg, texts))
      : cfgToDot(cfg, {
          name: linked.name,
          label: (slot) => texts.get(slot) ?? '',
          subprogramName: (entry) => linked.functionNames.get(entry) ?? `function at ${entry}`,
        }),
  )
  return EXIT.ok
}

function cfgToJson(linked: LinkedListing, cfg: Cfg, texts: ReadonlyMap<number, string>): unknown {
  const loops = findLoops(cfg, computeDominators(cfg))
  return {
    name: linked.name,
    functions: cfg.subprograms.map((subprogram) => ({
      name: linked.functionNames.get(subprogram.entry),
      entry: subprogram.entry,
      end: subprogram.end,
      live: subprogram.live,
      calls: subprogram.calls.map(({ slot, kind, subprogram: to }) => ({
        slot,
        kind,
        to: linked.functionNames.get(cfg.subprograms[to]!.entry),
      })),
    })),
    blocks: Array.from({ length: cfg.blockCount }, (_, block) => blockToJson(cfg, loops, block, texts)),
    loops: Array.from({ length: loops.loopCount }, (_, loop) => ({
      header: loops.header[loop],
      parent: loops.parent[loop] === -1 ? null : loops.parent[loop],
      depth: loops.depth[loop],
    })),
    irreducible: loops.regions,
    defects: cfg.defects,
  }
}

function blockToJson(cfg: Cfg, loops: Loops, block: number, texts: ReadonlyMap<number, string>): unknown {
  const first = cfg.blockStart[block]!
  const end = cfg.blockStart[block + 1]!
  const insns: { slot: number; text: string }[] = []
  for (let slot = first; slot < end; slot++) {
    const text = texts.get(slot)
    if (text !== undefined) insns.push({ slot, text })
  }
  return {
    id: block,
    first,
    end,
    live: cfg.live[block] === 1,
    loop: loops.loopOfBlock[block] === -1 ? null : loops.loopOfBlock[block],
    successors: [...cfg.successors.subarray(cfg.successorStart[block]!, cfg.successorStart[block + 1]!)],
    insns,
  }
}
