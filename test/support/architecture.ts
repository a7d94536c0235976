/**
 * The checker behind the architecture test: reads TypeScript sources, and says which rule which file breaks. It works
 * on texts by path, so that its own test can hand it files that do not exist.
 * @module
 */
import { posix } from 'node:path'
import ts from 'typescript'
import type { ModuleRow } from '../../scripts/architecture-table.ts'

export const MAX_LINES = 700

/** Globals of Node.js that no browser has. */
const NODE_GLOBALS = new Set(['process', 'Buffer', '__dirname', '__filename', 'require', 'global', 'setImmediate'])

interface Import {
  readonly specifier: string
  /** Erased by the compiler: it makes no dependency when the code runs. */
  readonly typeOnly: boolean
}

/**
 * Checks sources, given by their paths under `src/`, against the table. Answers one line a violation, sorted by path:
 * `path: what is wrong`.
 */
export function checkArchitecture(sources: ReadonlyMap<string, string>, table: readonly ModuleRow[]): string[] {
  const rows = new Map(table.map((row) => [row.module, row]))
  const violations: string[] = []
  const valueImports = new Map<string, string[]>()

  for (const [path, text] of [...sources].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const complain = (what: string): void => void violations.push(`${path}: ${what}`)
    const generated = path.endsWith('.generated.ts')
    const row = rows.get(moduleOf(path))
    if (row === undefined) {
      complain(`module '${moduleOf(path)}' is not in the architecture table`)
      continue
    }
    if (!generated) {
      const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
      if (lines > MAX_LINES) complain(`${lines} lines, more than ${MAX_LINES}`)
      if (!/^(?:#!.*\n)?\/\*\*(?:(?!\*\/)[\s\S])*@module\b(?:(?!\*\/)[\s\S])*\*\//.test(text)) {
        complain('does not start with a doc comment that has @module')
      }
    }

    const { imports, globals } = readSource(path, text)
    const internal: string[] = []
    for (const { specifier, typeOnly } of imports) {
      if (!specifier.startsWith('.')) {
        const builtin = specifier.startsWith('node:')
        if (builtin ? row.node !== true : !(row.packages ?? []).includes(specifier)) complain(`imports '${specifier}'`)
        continue
      }
      if (!specifier.endsWith('.ts')) complain(`import of '${specifier}' does not end in .ts`)
      const target = posix.join(posix.dirname(path), specifier)
      if (target.startsWith('..')) {
        complain(`import of '${specifier}' leaves src`)
        continue
      }
      const to = moduleOf(target)
      if (to !== row.module && !row.mayImport.includes(to))
        complain(`${row.module} may not import ${to} ('${specifier}')`)
      if (!sources.has(target)) complain(`import of '${specifier}', which does not exist`)
      else if (!typeOnly) internal.push(target)
    }
    if (row.node !== true) for (const name of globals) complain(`uses Node's '${name}'`)
    valueImports.set(path, internal)
  }

  for (const cycle of findCycles(valueImports)) violations.push(`${cycle[0]}: import cycle ${cycle.join(' -> ')}`)
  return violations.sort()
}

/** A table whose rows import only rows above them has no cycle between modules. */
export function checkTable(table: readonly ModuleRow[]): string[] {
  const above = new Set<string>()
  const violations: string[] = []
  for (const row of table) {
    for (const name of row.mayImport)
      if (!above.has(name)) violations.push(`${row.module} may import ${name}, which is not above it`)
    if (above.has(row.module)) violations.push(`${row.module} is there twice`)
    above.add(row.module)
  }
  return violations
}

function moduleOf(path: string): string {
  const slash = path.indexOf('/')
  return slash === -1 ? '.' : path.slice(0, slash)
}

function readSource(path: string, text: string): { imports: Import[]; globals: Set<string> } {
  const imports: Import[] = []
  const globals = new Set<string>()
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier))
      imports.push({ specifier: specifier.text, typeOnly })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false)
    else if (ts.isIdentifier(node) && NODE_GLOBALS.has(node.text) && isReference(node)) globals.add(node.text)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  return { imports, globals }
}

/** Whether an identifier refers to a variable, rather than naming a property, a member or an imported thing. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isQualifiedName(parent)) return parent.left === node
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node
  if (ts.isBindingElement(parent)) return parent.initializer === node
  return !(
    ts.isPropertySignature(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isMethodSignature(parent) ||
    ts.isMethodDeclaration(parent) ||
    ts.isGetAccessor(parent) ||
    ts.isImportSpecifier(parent) ||
    ts.isExportSpecifier(parent)
  )
}

/** Every cycle that a depth-first walk closes, each from its least file on, once. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const state = new Map<string, 'open' | 'done'>()
  const cycles = new Map<string, string[]>()
  const path: string[] = []
  const visit = (file: string): void => {
    state.set(file, 'open')
    path.push(file)
    for (const next of graph.get(file) ?? []) {
      if (state.get(next) === 'open') {
        const cycle = path.slice(path.indexOf(next))
        const least = cycle.indexOf([...cycle].sort()[0]!)
        const turned = [...cycle.slice(least), ...cycle.slice(0, least)]
        cycles.set(turned.join(), [...turned, turned[0]!])
      } else if (!state.has(next)) visit(next)
    }
    path.pop()
    state.set(file, 'done')
  }
  for (const file of graph.keys()) if (!state.has(file)) visit(file)
  return [...cycles.values()]
}
