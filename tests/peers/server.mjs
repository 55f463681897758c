// Runs oidc-provider (certified by the OpenID Foundation, and not ours) on a loopback port, for one test.
//
//   node server.mjs ['{"port": 4012, "clients": [ …RFC 7591 metadata… ], "clientAuthMethods": ["none"]}']
//
// The one line on standard output is the issuer. Everything is in memory. It ends with SIGTERM, or when its standard
// input is closed: it never outlives the test that started it. Any name and password will do at its login page.
//
// GET /requests gives what was asked of it so far, which no provider would tell:
// [{"method", "path", "status", "grant"}, …].

import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

import { Provider } from 'oidc-provider';

// The provider's notices would go to standard output, which nobody reads any more.
console.info = console.error;

const settings = {
  port: 0,
  clients: [
    {
      client_id: 'demo',
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/callback/peer'],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    },
  ],
  clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post'],
  ...JSON.parse(process.argv[2] ?? '{}'),
};

// By way of PEM: node 20 can wait for itself for ever when a key that it has just generated is exported as a JWK, if
// garbage is collected meanwhile.
const jwk = (type, options) => {
  const publicKeyEncoding = { type: 'spki', format: 'pem' };
  const privateKeyEncoding = { type: 'pkcs8', format: 'pem' };
  const { privateKey } = generateKeyPairSync(type, { ...options, publicKeyEncoding, privateKeyEncoding });
  return createPrivateKey(privateKey).export({ format: 'jwk' });
};

const server = createServer().listen(settings.port, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const requests = [];

  const provider = new Provider(issuer, {
    clients: settings.clients,
    clientAuthMethods: settings.clientAuthMethods,
    claims: {
      profile: ['name', 'picture', 'locale'],
      email: ['email', 'email_verified'],
      phone: ['phone_number'],
    },
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        name: `${id} of the peers`,
        locale: 'en',
        email: `${id}@example.com`,
        email_verified: true,
        phone_number: '+44 20 7946 0815',
      }),
    }),
    // New ones at each start: a restarted provider has other keys, too.
    jwks: {
      keys: [
        { ...jwk('rsa', { modulusLength: 2048 }), alg: 'RS256', use: 'sig' },
        { ...jwk('ec', { namedCurve: 'P-256' }), alg: 'ES256', use: 'sig' },
      ],
    },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    pkce: { required: () => true },
    // By the client's grant types alone: `offline_access` is for those who ask for it with prompt=consent.
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    features: {
      devInteractions: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true },
    },
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 3600, IdToken: 600, Interaction: 600, RefreshToken: 3600, Session: 3600 },
  });
  provider.on('server_error', (_ctx, error) => console.error(error));
  provider.on('grant.error', (ctx, error) => {
    console.error(`${ctx.oidc.params?.grant_type}: ${error.message}: ${error.error_detail ?? error.error_description}`);
  });
  provider.use(async (ctx, next) => {
    if (ctx.path === '/requests') {
      ctx.body = requests;
      return;
    }
    const request = { method: ctx.method, path: ctx.path };
    requests.push(request);
    await next();
    Object.assign(request, { status: ctx.status, grant: ctx.oidc?.params?.grant_type });
  });

  server.on('request', provider.callback());
  console.log(issuer);
});

const end = () => process.exit(0);
process.on('SIGTERM', end);
process.stdin.on('close', end).resume();
