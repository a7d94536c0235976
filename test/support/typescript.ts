/**
 * Type-checks generated text against the library's sources, strictly, in one program.
 * @module
 */
import { join } from 'node:path'
import ts from 'typescript'

const ROOT = join(import.meta.dirname, '..', '..')

/** Strict, and with what strict projects add. */
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitReturns: true,
  noUnusedParameters: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  isolatedDeclarations: true,
  erasableSyntaxOnly: true,
  declaration: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  noEmit: true,
  types: [],
  paths: { anybpf: [join(ROOT, 'src', 'index.ts')], 'anybpf/*': [join(ROOT, 'src', '*', 'index.ts')] },
}

/** What the compiler says of modules that are given by their names: `name:line: message`, nothing if all is well. */
export function checkTypeScript(modules: ReadonlyMap<string, string>): string[] {
  // Modules find each other only in a folder that is there.
  const folder = join(ROOT, 'test')
  const texts = new Map([...modules].map(([name, text]) => [join(folder, name), text]))
  const host = ts.createCompilerHost(OPTIONS)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (file) => texts.has(file) || fileExists(file)
  host.readFile = (file) => texts.get(file) ?? readFile(file)
  host.getSourceFile = (file, target, onError) => {
    const text = texts.get(file)
    return text === undefined ? getSourceFile(file, target, onError) : ts.createSourceFile(file, text, target, true)
  }
  const program = ts.createProgram([...texts.keys()], OPTIONS, host)
  const found = [...program.getOptionsDiagnostics()]
  for (const file of texts.keys()) {
    const source = program.getSourceFile(file)
    found.push(...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source))
  }
  return found.map((diagnostic) => {
    const { file, start } = diagnostic
    const place = file === undefined ? '' : `${file.fileName.slice(folder.length + 1)}:${line(file, start ?? 0)}: `
    return place + ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')
  })
}

function line(file: ts.SourceFile, start: number): number {
  return file.getLineAndCharacterOfPosition(start).line + 1
}
