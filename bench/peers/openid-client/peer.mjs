// What openid-client costs, used as its README shows: discovery once. It keeps no tokens, and when to refresh is its user's matter: so there is the
// loop that users write round it, with the tokens in a file, read again before a refresh, and one refresh at a time in the process.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import * as client from 'openid-client'

const [scenario, issuer, file, , count, name] = process.argv.slice(2)
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

/** Prints a line for whoever started this, and reads the line that answers it. */
async function ask(line) {
  console.log(line)
  return (await lines.next()).value
}

const discover = () =>
  client.discovery(new URL(issuer), 'demo', undefined, client.None(), { execute: [client.allowInsecureRequests] })

async function login(config) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()]
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: 'http://127.0.0.1/callback/work-sso',
    scope: 'openid email offline_access',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
  })
  const redirect = new URL(await ask(url.href))
  return client.authorizationCodeGrant(config, redirect, { pkceCodeVerifier, expectedState, expectedNonce })
}

const config = scenario === 'cached' ? undefined : await discover()
if (scenario === 'work') {
  config[client.customFetch] = (url, options) =>
    fetch(url, { ...options, headers: { ...options.headers, 'x-worker': name } })
}
let tokens
let refreshing

/** What is stored; nothing where the user has to log in again. */
function stored() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function keep(answer, old) {
  tokens = { refresh_token: old, ...answer, expires_at: Date.now() + answer.expires_in * 1000 }
  // In one step: whoever reads it reads all of it.
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(tokens))
  renameSync(`${file}.${process.pid}`, file)
}

const isGood = () => tokens !== undefined && Date.now() < tokens.expires_at

async function refresh() {
  // Another process may have done it.
  tokens = stored()
  if (tokens === undefined) throw new Error('logged out')
  if (isGood()) return
  const old = tokens.refresh_token
  try {
    keep(await client.refreshTokenGrant(config, old), old)
  } catch (error) {
    if (error.error === 'invalid_grant' && stored()?.refresh_token === old) rmSync(file, { force: true })
    throw error
  }
}

async function accessToken() {
  if (!isGood()) {
    refreshing ??= refresh().finally(() => (refreshing = undefined))
    await refreshing
  }
  return tokens.access_token
}

/** An app that asks for tokens until standard input is closed. */
async function work() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1 + 7 * Math.random()))
    try {
      await accessToken()
    } catch (error) {
      if (error.message !== 'logged out') console.log(JSON.stringify({ Passing: String(error).slice(0, 300) }))
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

if (scenario === 'login') {
  await login(config)
  await ask('# count /token')
  keep(await login(config))
  console.log('result {}')
} else if (scenario === 'work') {
  for (let thread = 0; thread < Number(count); thread++) work()
  while (!(await lines.next()).done);
} else {
  tokens = stored()
  const times = Number(count)
  if (scenario === 'cached') {
    // Once before, for the compiler.
    for (let time = 0; time < times; time++) await accessToken()
    const begun = process.hrtime.bigint()
    for (let time = 0; time < times; time++) await accessToken()
    console.log('result', JSON.stringify({ nanoseconds: Number(process.hrtime.bigint() - begun) / times }))
  } else {
    await ask('# ready now')
    const done = await Promise.allSettled(Array.from({ length: times }, accessToken))
    console.log('result', JSON.stringify({ failed: done.filter((one) => one.status === 'rejected').length }))
  }
}
process.exit(0)
