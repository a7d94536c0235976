/**
 * What the browser test runs inside a page: the firewall example on its capture, with nothing but the library.
 * @module
 */
import { parseObject, Runtime } from 'anybpf'
import { parseCapture } from 'anybpf/net'
import capture from '../../examples/captures/mixed.pcap'
import object from '../../examples/xdp-firewall/firewall.el.o'
import { runFirewall } from './firewall.ts'

/** Writes the result, or the error, into the page. */
function main(): void {
  try {
    document.body.textContent = JSON.stringify(runFirewall({ parseObject, Runtime, parseCapture }, object, capture))
  } catch (error) {
    document.body.textContent = JSON.stringify({ error: error instanceof Error ? error.stack : String(error) })
  }
}

main()
