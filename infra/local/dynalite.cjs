// The default store: dynalite, DynamoDB's protocol over LevelDB, with what our purpose lacks mended.
// Usage: node dynalite.cjs <port> <directory>
//
// * An item and its entries in the indexes are written in one batch. dynalite writes the entries
//   first, one by one: a process that dies in between leaves a queued job that no inbox names.
// * It listens on loopback alone, and serves who signs with this stack's keys: whoever can write to
//   the store makes himself an admin, and the access key's id stands in every presigned address.
// * A request that breaks off costs that request. dynalite ends with it.
// * It listens when LevelDB is open, and says why when it cannot be opened.
// * A table is active when it has been made: one that dynalite was to finish later stays unfinished
//   for ever in a process that is killed meanwhile.
// * What LevelDB has in memory is read at once, and iterated by the hundred, without a way through
//   Node's thread pool for each value.
// * Connections stay open for longer than Node's five seconds.
'use strict'

const { createHash, createHmac, timingSafeEqual } = require('node:crypto')
const { Readable } = require('node:stream')
const db = require('dynalite/db')

const HOST = '127.0.0.1'
const KEEP_ALIVE_MS = 75_000
const MAX_BODY_BYTES = 16 << 20 // DynamoDB's own limit
const AT_ONCE = 100 // values that an iterator fetches
const HEALTHY = 'healthy: dynamodb'

// --- LevelDB

const createStore = db.create
let level
let index = [] // entries that belong to the item that is written next

db.create = (options) => {
  const store = createStore(options)
  level = store.db
  mend()
  return store
}

// `putItem`, `updateItem` and `deleteItem` call this, and write the item as soon as it calls back:
// nothing can come between.
db.updateIndexes = (store, table, before, after, done) => {
  index = ['Local', 'Global'].flatMap((kind) => {
    const { puts, deletes } = db.getIndexActions(
      table[`${kind}SecondaryIndexes`] || [], before, after, table)
    const key = (action) => `index-${kind.toLowerCase()}~${table.TableName}~${action.index}~${action.key}`
    return [
      ...deletes.map((action) => ({ type: 'del', key: key(action) })),
      ...puts.map((action) => ({ type: 'put', key: key(action), value: action.item })),
    ]
  })
  done()
}

function mend () {
  const write = (operation, done) => {
    const operations = [...index, operation]
    index = []
    level.batch(operations, done)
  }
  level.put = (key, value, done) => write({ type: 'put', key, value: finished(key, value) }, done)
  level.del = (key, done) => write({ type: 'del', key }, done)
  level.get = (key, done) => {
    let value
    try {
      value = level.getSync(key)
    } catch (error) {
      return done(error)
    }
    done(null, value)
  }
  level.createValueStream = (options) => {
    const values = level.values(options)
    return new Readable({
      objectMode: true,
      highWaterMark: AT_ONCE,
      read () {
        values.nextv(AT_ONCE).then((found) => {
          found.forEach((value) => this.push(value))
          if (found.length === 0) this.push(null)
        }).catch((error) => this.destroy(error))
      },
      destroy (error, done) {
        values.close().then(() => done(error), done)
      },
    })
  }
}

function finished (key, table) {
  if (key.startsWith('table~') && table.TableStatus === 'CREATING') {
    table.TableStatus = 'ACTIVE'
    for (const each of table.GlobalSecondaryIndexes || []) each.IndexStatus = 'ACTIVE'
  }
  return table
}

// --- Signature Version 4

const sha256 = (text) => createHash('sha256').update(text).digest('hex')
const hmac = (key, text) => createHmac('sha256', key).update(text).digest()
const keys = new Map() // a day's key costs four of the five HMACs of a signature

function signingKey (scope) {
  if (!keys.has(scope)) {
    keys.clear()
    keys.set(scope, scope.split('/').reduce(hmac, `AWS4${process.env.AWS_SECRET_ACCESS_KEY}`))
  }
  return keys.get(scope)
}

const AUTHORIZATION = /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/

function isOurs (request, body) {
  const found = AUTHORIZATION.exec(request.headers.authorization || '')
  if (!found || found[1] !== process.env.AWS_ACCESS_KEY_ID) return false
  const [, , scope, names, signature] = found
  const lines = names.split(';').map((name) =>
    `${name}:${(request.headers[name] || '').trim().replace(/\s+/g, ' ')}\n`)
  const canonical = `${request.method}\n${request.url}\n\n${lines.join('')}\n${names}\n${sha256(body)}`
  const text = `AWS4-HMAC-SHA256\n${request.headers['x-amz-date']}\n${scope}\n${sha256(canonical)}`
  return timingSafeEqual(hmac(signingKey(scope), text), Buffer.from(signature, 'hex'))
}

// --- HTTP

const [port, path] = process.argv.slice(2)
const server = require('dynalite')({ path, createTableMs: 0, updateTableMs: 0, deleteTableMs: 0 })
const [serve] = server.listeners('request')
server.removeAllListeners('request')
server.keepAliveTimeout = KEEP_ALIVE_MS

server.on('request', (request, response) => {
  const parts = []
  let size = 0
  request.on('error', () => {}) // it broke off
  request.on('data', (part) => {
    size += part.length
    if (size <= MAX_BODY_BYTES) parts.push(part)
  })
  request.on('end', () => {
    if (request.method === 'GET') return response.end(HEALTHY)
    if (size > MAX_BODY_BYTES) return refuse(response, 413, 'RequestEntityTooLarge', 'More than 16 MiB.')
    const body = Buffer.concat(parts)
    if (!isOurs(request, body)) {
      return refuse(response, 400, 'UnrecognizedClientException',
        'The security token included in the request is invalid.')
    }
    const { method, url, headers } = request
    serve(Object.assign(Readable.from([body]), { method, url, headers }), response)
  })
})

function refuse (response, status, code, message) {
  response.writeHead(status, { 'Content-Type': 'application/x-amz-json-1.0' })
  response.end(JSON.stringify({ __type: `com.amazon.coral.service#${code}`, message }))
}

level.open().then(() => server.listen(Number(port), HOST), (error) => {
  console.error(`The store in ${path} cannot be opened: ${error.cause?.message || error.message}`)
  process.exit(1)
})
