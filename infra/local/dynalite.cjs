// The default store: dynalite, DynamoDB's protocol over LevelDB, with what our purpose lacks mended.
// Usage: node dynalite.cjs <port> <directory>; with an empty <directory>, in memory.
//
// * An item and its entries in the indexes are written in one batch. dynalite writes the entries
//   first, one by one: a process that dies in between leaves a queued job that no inbox names.
// * It listens on loopback alone, and only for callers with this stack's access key: whoever can
//   write to the store makes himself an admin.
// * What LevelDB has in memory is read at once, and iterated by the hundred, without a way through
//   Node's thread pool for each value.
// * Connections stay open for longer than Node's five seconds.
'use strict'

const { Readable } = require('node:stream')
const db = require('dynalite/db')

const HOST = '127.0.0.1'
const KEEP_ALIVE_MS = 75_000
const AT_ONCE = 100 // values that an iterator fetches

const createStore = db.create
let index = [] // entries that belong to the item that is written next

db.create = (options) => {
  const store = createStore(options)
  mend(store.db)
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

function mend (level) {
  const write = (operation, done) => {
    const operations = [...index, operation]
    index = []
    level.batch(operations, done)
  }
  level.put = (key, value, done) => write({ type: 'put', key, value }, done)
  level.del = (key, done) => write({ type: 'del', key }, done)
  const get = level.get
  level.get = (key, done) => {
    if (level.status !== 'open') return get(key, done) // it is being opened
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
        }, (error) => this.destroy(error))
      },
      destroy (error, done) {
        values.close().then(() => done(error), done)
      },
    })
  }
}

const [port, directory] = process.argv.slice(2)
const path = directory || undefined
const server = require('dynalite')({ path, createTableMs: 0, updateTableMs: 0, deleteTableMs: 0 })
const ours = `Credential=${process.env.AWS_ACCESS_KEY_ID}/`
const [serve] = server.listeners('request')
server.removeAllListeners('request')
server.on('request', (request, response) => {
  const stranger = request.method !== 'GET' && !(request.headers.authorization || '').includes(ours)
  if (!stranger) return serve(request, response)
  response.writeHead(400, { 'Content-Type': 'application/x-amz-json-1.0' })
  response.end(JSON.stringify({
    __type: 'com.amazon.coral.service#UnrecognizedClientException',
    message: 'The security token included in the request is invalid.',
  }))
})
server.keepAliveTimeout = KEEP_ALIVE_MS
server.listen(Number(port), HOST)
