import { readFileSync, writeFileSync } from 'node:fs'
import { captureWorkloads, mapWorkloads } from './engines/workloads.ts'
import { openObject, PLATFORM } from './engines/objects.ts'
import { Runtime } from '../src/loader/index.ts'
const w = [...captureWorkloads(), ...mapWorkloads()].find((x) => x.name === process.argv[2])!
const runtime = new Runtime({ platform: PLATFORM })
const { spec } = openObject(w)
const p: any = runtime.load(spec, { programs: [w.program], engine: 'jit' }).programs[w.program]!
const bytes = p.host.jit.prepare(p.executable, 0).bytes
writeFileSync('/tmp/out.wasm', bytes)
