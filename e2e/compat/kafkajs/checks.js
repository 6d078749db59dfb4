// Runs named checks in order and prints one line each; the exit code says whether all passed.
// It knows no client: each client's script registers what it checks.

import assert from 'node:assert/strict'
import { basename } from 'node:path'

export const BOOTSTRAP = (process.env.BOOTSTRAP ?? '127.0.0.1:9092').split(',')
const RUN = process.env.RUN ?? String(Date.now())
const WAIT_MS = 30_000

const checks = []

export function check (title, body) {
  checks.push({ title, body })
}

/** A topic or group of this run. */
export function name (kind) {
  return `${basename(process.argv[1], '.js')}-${kind}-${RUN}`
}

/** `prefix 0`, `prefix 1` and so on. */
export const numbered = (prefix, length) => Array.from({ length }, (_, i) => `${prefix} ${i}`)

const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

/** Waits for a condition; its value, or a failure that says what was awaited. */
export async function until (condition, what) {
  const deadline = Date.now() + WAIT_MS
  while (Date.now() < deadline) {
    const value = await condition()
    if (value) return value
    await pause(50)
  }
  assert.fail(`not within ${WAIT_MS} ms: ${what}`)
}

export async function main () {
  let failed = 0
  for (const { title, body } of checks) {
    const started = Date.now()
    try {
      await Promise.race([body(), pause(120_000).then(() => assert.fail('not within 120 s'))])
      console.log(`ok ${title} (${((Date.now() - started) / 1000).toFixed(1)} s)`)
    } catch (error) {
      failed += 1
      console.log(`FAIL ${title}: ${error.name}: ${error.message}`)
      console.log(error.stack)
    }
  }
  process.exit(failed === 0 ? 0 : 1)
}
