/**
 * The text of the module that a build writes, and of its types.
 * @module
 */

import type { BuiltObject } from '../aot/built-object.ts'
import * as aot from '../aot/index.ts'
import type { NamedHelper } from '../helpers/definition.ts'
import { PROGRAM_TYPE_NAMES } from '../programs/type-names.ts'
import { AnybpfError } from '../util/index.ts'
import { formatLiteral, memberName, pascalCase, textLiteral } from '../util/literal.ts'

export interface BuildDescription {
  readonly name: string
  readonly origin: string
  readonly object: BuiltObject
  readonly files: { readonly runtime: string; readonly programs: Readonly<Record<string, string>> }
}

const PACKAGE = 'anybpf/aot'

export function writeModule({ origin, object, files }: BuildDescription): string {
  const definitions = {
    helpers: unique(Object.values(object.helpers).map(({ name }) => exportOf('helper', name))),
    mapTypes: unique(Object.values(object.mapTypes).map((name) => exportOf('map type', name))),
    programTypes: unique(Object.values(object.programs).map(({ type }) => exportOf('program type', type))),
  }
  const imported = [...Object.values(definitions).flat(), 'instantiateBuilt'].sort(byName)
  const { helpers, mapTypes, programTypes } = definitions
  return `${head(origin)}
${importOf('import', imported)}

/** The files beside this one that \`instantiate\` wants, compiled. */
export const files = ${formatLiteral(files, '', 'export const files = '.length)}

const definitions = {
  helpers: [${helpers.map((name) => `...${name}`).join(', ')}],
  mapTypes: [${mapTypes.join(', ')}],
  programTypes: [${programTypes.join(', ')}],
}

const object = ${formatLiteral(object, '', 'const object = '.length)}

/** Makes the maps and the programs. Compiles nothing: \`options\` has the modules. */
export function instantiate(options) {
  return instantiateBuilt(object, definitions, options)
}
`
}

export function writeDeclarations({ name, origin, object, files }: BuildDescription): string {
  const type = typeName(name)
  const programTypes = Object.values(object.programs).map((program) => PROGRAM_TYPE_NAMES[program.type])
  const imported = [
    'Collection',
    'InstantiateOptions',
    'Program',
    ...(Object.keys(object.maps).length > 0 ? ['BpfMap'] : []),
    ...programTypes.flatMap((types) => types ?? []),
  ]
  const programs = Object.entries(object.programs).map(([program, built]) => {
    const [input, output] = PROGRAM_TYPE_NAMES[built.type] ?? ['unknown', 'unknown']
    return `    readonly ${memberName(program)}: Program<${input}, ${output}>\n`
  })
  const maps = Object.keys(object.maps).map((map) => `    readonly ${memberName(map)}: BpfMap\n`)
  const names = Object.keys(object.programs).map(textLiteral).join(' | ')
  return `${head(origin)}
${importOf('import type', unique(imported).sort(byName))}

export interface ${type} extends Collection {
  readonly programs: {
${programs.join('')}  }
  readonly maps: {${maps.length === 0 ? '' : `\n${maps.join('')}  `}}
}

/** The files beside this one that \`instantiate\` wants, compiled. */
export declare const files: {
  readonly runtime: ${textLiteral(files.runtime)}
  readonly programs: {
${Object.entries(files.programs)
  .map(([program, file]) => `    readonly ${memberName(program)}: ${textLiteral(file)}\n`)
  .join('')}  }
}

/** Makes the maps and the programs. Compiles nothing: \`options\` has the modules. */
export declare function instantiate(options: InstantiateOptions<${names}>): ${type}
`
}

function head(origin: string): string {
  // What a file is called could end the comment.
  return `// Built by ${origin.replace(/[^\x20-\x7e]/g, '?')}. Do not edit: build it again.`
}

function importOf(keyword: string, names: readonly string[]): string {
  const line = `${keyword} { ${names.join(', ')} } from '${PACKAGE}'`
  return line.length <= 120 ? line : `${keyword} {\n${names.map((name) => `  ${name},\n`).join('')}} from '${PACKAGE}'`
}

/** What the package exports for a helper, map type or program type. */
function exportOf(what: 'helper' | 'map type' | 'program type', name: string): string {
  for (const [exported, value] of Object.entries(aot)) {
    if (Array.isArray(value)) {
      if (what === 'helper' && (value as readonly NamedHelper[]).some((one) => one.name === name)) return exported
    } else if (what !== 'helper' && 'spec' in value && value.spec.name === name) {
      if ('createContext' in value === (what === 'program type')) return exported
    }
  }
  throw new AnybpfError('ERR_UNSUPPORTED', `${what} ${name} cannot be built ahead of time`)
}

/** `firewall.bpf` becomes `FirewallBpf`. */
function typeName(name: string): string {
  const camel = pascalCase(name)
  // A name that the package exports, or of the language, would be hidden.
  return /^[A-Z]/.test(camel) && !RESERVED.has(camel) ? camel : `Built${camel}`
}

const RESERVED: ReadonlySet<string> = new Set([
  'Collection',
  'InstantiateOptions',
  'Program',
  'BpfMap',
  ...Object.values(PROGRAM_TYPE_NAMES).flat(),
])

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}

/** As the formatter of imports orders them: without regard to case. */
function byName(a: string, b: string): number {
  return a.toLowerCase() < b.toLowerCase() ? -1 : 1
}
