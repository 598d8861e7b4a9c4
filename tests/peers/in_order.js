// Preloaded into xapi-statements: it pages by the ids of its memory, version 1 UUIDs compared as
// text. Their first digits begin anew every 429.5 s; what is stored after that no link ever brings.
// MongoDB's ids, which it has in earnest, do not. So the slow digits go first.
const { createRequire } = require('module')
const uuid = createRequire(process.argv[1])('uuid')
const v1 = uuid.v1
uuid.v1 = function (...given) {
  const [low, middle, high, ...rest] = v1(...given).split('-')
  return [high, middle, low, ...rest].join('-')
}
