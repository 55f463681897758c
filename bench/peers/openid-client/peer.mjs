// What openid-client costs, used as its README shows: discovery once, and the tokens in a file, since it keeps none. When to refresh is
// its user's matter: before a call whose token has expired.
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import * as client from 'openid-client'

const [scenario, issuer, file, , count] = process.argv.slice(2)
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
let tokens
const keep = (answer) => {
  tokens = { ...answer, expires_at: Date.now() + answer.expires_in * 1000 }
}

async function accessToken() {
  if (Date.now() >= tokens.expires_at) keep(await client.refreshTokenGrant(config, tokens.refresh_token))
  return tokens.access_token
}

if (scenario === 'login') {
  await login(config)
  await ask('# count /token')
  keep(await login(config))
  writeFileSync(file, JSON.stringify(tokens))
  console.log('result {}')
} else {
  tokens = JSON.parse(readFileSync(file, 'utf8'))
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
