// Compiles the guest runtime (assembly/, AssemblyScript) to WebAssembly, and writes it as a TypeScript module that embeds the
// bytes, so that neither a browser nor a bundler needs a second file.
//   node scripts/build-assembly.mjs [OUTPUT]
import { readFileSync, writeFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'

const ENTRY = 'assembly/index.ts'
const output = process.argv[2] ?? 'src/vm/guest-runtime.generated.ts'

/** Compiles the entry with asc; returns the module's bytes. */
async function compile() {
  let binary
  const { error, stderr } = await asc.main(
    [
      ENTRY,
      '--outFile',
      'module.wasm',
      ...['--runtime', 'stub', '--importMemory', '--noExportMemory', '--initialMemory', '2'],
      // Declared shared; an instance for memory that is not shared changes the one byte that says so (guest-runtime.ts).
      ...['--sharedMemory', '--maximumMemory', '65536', '--enable', 'threads', '--enable', 'bulk-memory'],
      ...['--optimizeLevel', '3', '--shrinkLevel', '0', '--converge', '--noAssert'],
    ],
    {
      readFile(name) {
        try {
          return readFileSync(name, 'utf8')
        } catch {
          return null
        }
      },
      writeFile(name, contents) {
        if (name === 'module.wasm') binary = contents
      },
      listFiles: () => [],
    },
  )
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`)
  return binary
}

const FLAG_SHARED_WITH_MAXIMUM = 3

/** Walks the module's sections: where the flag of the imported memory lies; refuses data segments, which would write to page zero. */
function memoryFlagOffset(bytes) {
  let at = 8
  const leb = () => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
  }
  let found
  while (at < bytes.length) {
    const id = bytes[at++]
    const size = leb()
    const end = at + size
    if (id === 11 && size > 1) throw new Error('the guest runtime must have no static data')
    if (id === 2) {
      for (let left = leb(); left > 0; left--) {
        for (const _ of ['module', 'name']) {
          const length = leb()
          at += length
        }
        const kind = bytes[at++]
        if (kind === 0) leb()
        else if (kind === 2) {
          found = at
          at++
          leb()
          leb()
        } else throw new Error(`the guest runtime imports something of kind ${kind}`)
      }
    }
    at = end
  }
  if (found === undefined || bytes[found] !== FLAG_SHARED_WITH_MAXIMUM) throw new Error('no imported shared memory')
  return found
}

const WASM_TYPES = { i32: 'number', i64: 'bigint' }

/** The exported functions as members of a TypeScript interface, read from the text of the entry's modules. */
function exportedSignatures() {
  const entry = readFileSync(ENTRY, 'utf8')
  const members = []
  for (const [, names, file] of entry.matchAll(/export \{([^}]+)\} from '\.\/([\w-]+)'/g)) {
    const source = readFileSync(`assembly/${file}.ts`, 'utf8')
    for (const name of names
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean)) {
      const match = new RegExp(`export function ${name}\\(([^)]*)\\): (\\w+)`).exec(source)
      if (match === null) throw new Error(`${file}.ts does not export a function ${name}`)
      const type = (text) => (text === 'void' ? 'void' : /64/.test(text) ? WASM_TYPES.i64 : WASM_TYPES.i32)
      const params = match[1]
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean)
        .map((part) => {
          const [param, of] = part.split(':').map((piece) => piece.trim())
          return `${param}: ${type(of)}`
        })
      members.push(`  ${name}(${params.join(', ')}): ${type(match[2])}`)
    }
  }
  return members
}

const bytes = await compile()
const lines = Buffer.from(bytes)
  .toString('base64')
  .match(/.{1,110}/g)
writeFileSync(
  output,
  `// Generated from assembly/ (AssemblyScript, Apache-2.0) by scripts/build-assembly.mjs. Do not edit.
/**
 * The guest runtime as WebAssembly.
 * @module
 */

/** Its functions. Addresses come back as signed numbers: \`>>> 0\` makes an address of one. */
export interface GuestRuntimeExports {
${exportedSignatures().join('\n')}
}

/** Where in the bytes the flag of the imported memory lies. */
export const GUEST_RUNTIME_MEMORY_FLAG: number = ${memoryFlagOffset(bytes)}

/** ${bytes.length} bytes, as base64. */
export const GUEST_RUNTIME_BASE64: string =
${lines.map((line) => `  '${line}'`).join(' +\n')}
`,
)
process.stdout.write(`${output}: ${bytes.length} bytes of WebAssembly\n`)
