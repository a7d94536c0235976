/**
 * `anybpf disasm`: instructions as text, with names and C source lines.
 * @module
 */
import { linux, type Platform, raw } from '../../spec/index.ts'
import { EXIT, type ExitStatus, usageError } from '../errors.ts'
import { chooseByName } from '../input.ts'
import { formatJson } from '../json.ts'
import { disassembleListing, type Listing, type ListingOptions, type Listings, readListings } from '../listing.ts'
import { parsePlatform } from '../platform.ts'
import { type CliIo, createStyle, type Style } from '../streams.ts'
import { visible } from '../text.ts'
import { type Annotation, type Annotations, annotateObject, annotateProgram } from '../verify/annotations.ts'
import { KernelTypes } from '../verify/kernel-types.ts'
import { checkedType, LICENSE_OF_BARE_CODE } from '../verify/programs.ts'

/** Sixteen bytes with blanks between them. */
const BYTES_WIDTH = 47

export interface DisasmOptions extends ListingOptions {
  readonly program?: string
  readonly bytes?: boolean
  /** False with `--no-source`. */
  readonly source: boolean
  readonly plain?: boolean
  readonly verified?: boolean
  readonly platform?: string
  readonly author?: 'trusted' | 'untrusted'
  readonly type?: string
  readonly btf?: string
  readonly json?: boolean
}

export async function disasmCommand(file: string, options: DisasmOptions, io: CliIo): Promise<ExitStatus> {
  if (options.verified && options.plain) throw usageError('--plain is text for asm, --verified for people: give one')
  for (const option of NEED_VERIFIED) {
    if (options[option] !== undefined && !options.verified) throw usageError(`--${option} needs --verified`)
  }
  const chosen = options.platform === undefined ? undefined : parsePlatform(options.platform)
  const kernel = new KernelTypes(options.btf, io)
  const relocates = options.btf !== undefined || options.verified === true
  const read = await readListings(file, options, io, async (spec) => (relocates ? kernel.targetOf(spec) : undefined))
  const listings = options.verified ? { ...read, platform: judge(read, chosen, options.type) } : read
  const annotations = options.verified ? await annotate(listings, options, kernel) : undefined
  const all = [...listings.programs, ...listings.functions]
  const shown =
    options.program === undefined
      ? all
      : [chooseByName(byName(all), options.program, 'program or function', file).value]
  if (options.json) {
    const functions = shown.map((listing) => listingToJson(listing, listings, annotations?.get(listing.name)))
    io.stdout.write(formatJson({ file, byteOrder: listings.byteOrder, functions }))
  } else {
    const style = createStyle(io.stdout, io.env)
    io.stdout.write(
      shown
        .map((listing) => printListing(listing, listings, options, style, annotations?.get(listing.name)))
        .join('\n'),
    )
  }
  return EXIT.ok
}

/** Options that say how to verify. */
const NEED_VERIFIED = ['platform', 'author', 'type'] as const

/** The platform to verify for: as `verify` has it. */
function judge({ object }: Listings, chosen: Platform | undefined, type: string | undefined): Platform {
  return chosen ?? (object !== undefined || (type ?? 'raw') !== 'raw' ? linux() : raw)
}

async function annotate(listings: Listings, options: DisasmOptions, kernel: KernelTypes): Promise<Annotations> {
  const { object, platform } = listings
  const { author } = options
  const how = author === undefined ? {} : { author }
  if (object !== undefined) {
    const type = options.type === undefined ? undefined : checkedType(platform, options.type)
    return annotateObject(object, platform, kernel, how, type)
  }
  const type = checkedType(platform, options.type ?? (platform.programTypes.has('raw') ? 'raw' : undefined))
  const { name, insns } = listings.programs[0]!
  return annotateProgram({ name, insns, type, license: LICENSE_OF_BARE_CODE }, platform, kernel, how)
}

function byName(listings: readonly Listing[]): Readonly<Record<string, Listing>> {
  const named: Record<string, Listing> = Object.create(null)
  for (const listing of listings) named[listing.name] = listing
  return named
}

function printListing(
  listing: Listing,
  listings: Listings,
  options: DisasmOptions,
  style: Style,
  annotations: ReadonlyMap<number, Annotation> | undefined,
): string {
  const about = [listing.type, listing.section === undefined ? undefined : `section ${listing.section}`]
  const words = [...about.filter((word) => word !== undefined), `${listing.insns.length} insns`].join(', ')
  let text = `${style.bold(`; ${visible(listing.name)}: ${visible(words)}`)}\n`
  if (listing.problem !== undefined) text += `; ${visible(listing.problem)}\n`
  const lines = disassembleListing(listing, listings, options.bytes)
  const source = options.source ? sourceTexts(listing) : new Map<number, string>()
  const numberWidth = String(lines.at(-1)?.slot ?? 0).length
  for (const line of lines) {
    const c = source.get(line.slot)
    if (c !== undefined) text += `${style.dim(`; ${visible(c)}`)}\n`
    if (line.label !== undefined) text += `${style.bold(`${line.label}:`)}\n`
    text += '  '
    if (options.plain !== true) text += `${String(line.slot).padStart(numberWidth)}: `
    if (line.bytes !== undefined) text += `${line.bytes.padEnd(BYTES_WIDTH)}  `
    text += line.text
    if (line.comment !== undefined) text += style.dim(`  # ${line.comment}`)
    const annotation = annotations?.get(line.slot)
    if (annotation !== undefined) text += annotationText(annotation, line.text.length, style)
    text += '\n'
  }
  return text
}

/** Where annotations stand, behind the instruction. */
const ANNOTATION_COLUMN = 36

function annotationText({ visits, registers, rejected }: Annotation, length: number, style: Style): string {
  const known = Object.entries(registers).map(([name, what]) => `${name}: ${visible(what)}`)
  const words = visits === 0 ? 'never reached' : known.join('; ')
  let text = words === '' ? '' : `${' '.repeat(Math.max(2, ANNOTATION_COLUMN - length))}${style.dim(`; ${words}`)}`
  if (rejected !== undefined) text += `\n  ${style.red(`^ rejected: ${visible(rejected)}`)}`
  return text
}

/** The C line to show before a slot; a line that goes on is not repeated. */
function sourceTexts(listing: Listing): Map<number, string> {
  const texts = new Map<number, string>()
  let before = ''
  for (const { slot, file, line, text } of listing.lines) {
    const shown = `${baseName(file)}:${line}: ${text.trim()}`
    if (shown !== before) texts.set(slot, shown)
    before = shown
  }
  return texts
}

/** Compilers record the path that they were given, which says more about the build than about the code. */
function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function listingToJson(
  listing: Listing,
  listings: Listings,
  annotations: ReadonlyMap<number, Annotation> | undefined,
): unknown {
  const sources = new Map(listing.lines.map((line) => [line.slot, line]))
  return {
    name: listing.name,
    section: listing.section,
    type: listing.type,
    problem: listing.problem,
    insns: disassembleListing(listing, listings, true).map(({ slot, bytes, text, label, reference }) => {
      const line = sources.get(slot)
      return {
        slot,
        bytes: bytes?.replaceAll(' ', ''),
        text,
        label,
        source: line && { file: line.file, line: line.line, column: line.column, text: line.text },
        reference,
        ...(annotations !== undefined && { verified: annotations.get(slot) }),
      }
    }),
  }
}
