// Preloaded into a peer: whatever it listens on, it is 127.0.0.1 only.
const net = require('net')
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (port, ...rest) {
  const done = rest.find(a => typeof a === 'function')
  return listen.call(this, { port: Number(port.port ?? port), host: '127.0.0.1' }, done)
}
