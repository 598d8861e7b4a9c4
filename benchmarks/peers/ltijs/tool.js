// A plain ltijs 5.9.9 tool as its README shows, with its SQL plugin on SQLite in memory.
// Environment: PORT, ISSUER, CLIENT.
const lti = require('ltijs').Provider
const Database = require('ltijs-sequelize')

const { PORT, ISSUER, CLIENT } = process.env
const db = new Database('bench', '', '', { dialect: 'sqlite', storage: ':memory:', logging: false })

lti.setup('bench-key-that-signs-cookies-and-tokens', { plugin: db }, {
  appRoute: '/lti/launch',
  loginRoute: '/lti/login',
  cookies: { secure: false, sameSite: '' },
  devMode: false
})
lti.onConnect((token, req, res) => res.send('Hello, ' + token.userInfo.name))
lti.whitelist('/healthz')

async function main () {
  await lti.deploy({ port: PORT, silent: true })
  lti.app.get('/healthz', (req, res) => res.send(''))
  await lti.registerPlatform({
    url: ISSUER,
    name: 'Bench',
    clientId: CLIENT,
    authenticationEndpoint: ISSUER + '/auth',
    accesstokenEndpoint: ISSUER + '/token',
    authConfig: { method: 'JWK_SET', key: ISSUER + '/jwks' }
  })
  console.log('ready')
}

main().catch(error => { console.error(error); process.exit(1) })
