#!/usr/bin/env node
/**
 * The executable that the public bpf_conformance runner drives (`--plugin_path dist/conformance-plugin.js`).
 * @module
 */
import { conformancePlugin } from './conformance.ts'
import { watchOutput } from './streams.ts'

async function standardInput(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('latin1')
}

watchOutput()
const answer = await conformancePlugin(process.argv.slice(2), standardInput)
process.stdout.write(answer.stdout)
process.stderr.write(answer.stderr)
process.exitCode = answer.status
