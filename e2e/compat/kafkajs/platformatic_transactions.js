// @platformatic/kafka in transactions: what readers see of them, fencing, and a group's offsets in them.
// It asserts what a user sees, never a version number; groups and admin without transactions are elsewhere.

import assert from 'node:assert/strict'
import { Admin, Consumer, FetchIsolationLevels, MessagesStreamModes, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { BOOTSTRAP, check, name, numbered, until } from './checks.js'

// A transaction that follows another at once is told to try again until the markers of the first are written.
const options = { clientId: 'transactions', bootstrapBrokers: BOOTSTRAP, timeout: 30_000, retries: 100, retryDelay: 20 }
const group = name('transactions-group')
const RECORDS = 300
const PER_TRANSACTION = 40

/** A new topic of one partition. */
async function newTopic (kind) {
  const topic = name(`transactions-${kind}`)
  const admin = new Admin(options)
  await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
  await until(async () => (await admin.listTopics()).includes(topic), 'the topic in the list')
  await admin.close()
  return topic
}

// The client asks for producer 0 unless it is told that it has none, and is fenced when the id had another before.
const nobody = { producerId: -1n, producerEpoch: -1 }

function transactional (kind) {
  return new Producer({ ...options, ...nobody, serializers: stringSerializers, idempotent: true, transactionalId: name(kind) })
}

const messages = (topic, values) => ({ messages: values.map(value => ({ topic, partition: 0, value })) })

async function sendPlainly (topic, values) {
  const producer = new Producer({ ...options, serializers: stringSerializers })
  await producer.send({ ...messages(topic, values), acks: -1 })
  await producer.close()
}

/** Sends values in a transaction of their own. */
async function send (producer, topic, values, commit) {
  const transaction = await producer.beginTransaction()
  await transaction.send(messages(topic, values))
  await (commit ? transaction.commit() : transaction.abort())
}

async function consume (topic, groupId, isolationLevel, body) {
  const consumer = new Consumer({ ...options, groupId, maxWaitTime: 200, deserializers: stringDeserializers })
  const stream = await consumer.consume({
    topics: [topic],
    mode: MessagesStreamModes.COMMITTED,
    fallbackMode: MessagesStreamModes.EARLIEST,
    autocommit: false,
    isolationLevel
  })
  try {
    return await body(stream, consumer)
  } finally {
    await stream.close()
    await consumer.close(true)
  }
}

let readers = 0

/** The values before the record that ends the topic. */
function read (topic, isolationLevel) {
  return consume(topic, `${group}-reader-${readers++}`, isolationLevel, async stream => {
    const values = []
    for await (const { value } of stream) {
      if (value === 'end') break
      values.push(value)
    }
    return values
  })
}

check('committed records are seen by a reader of committed records, aborted ones never', async () => {
  const topic = await newTopic('visible')
  const producer = transactional('visible')
  const [first, aborted, last] = ['commit', 'abort', 'commit again'].map(fate => numbered(fate, 100))
  await send(producer, topic, first, true)
  await send(producer, topic, aborted, false)
  await send(producer, topic, last, true)
  await producer.close()
  await sendPlainly(topic, ['end'])
  assert.deepEqual(await read(topic, FetchIsolationLevels.READ_COMMITTED), [...first, ...last])
  assert.deepEqual(await read(topic, FetchIsolationLevels.READ_UNCOMMITTED), [...first, ...aborted, ...last])
})

check('a reader of committed records waits for an open transaction', async () => {
  const topic = await newTopic('open')
  const producer = transactional('open')
  const transaction = await producer.beginTransaction()
  await transaction.send(messages(topic, ['open']))
  await sendPlainly(topic, ['after', 'end'])
  const values = []
  const reading = read(topic, FetchIsolationLevels.READ_COMMITTED).then(read => values.push(...read))
  await new Promise(resolve => setTimeout(resolve, 1000))
  assert.deepEqual(values, [])
  await transaction.commit()
  await reading
  assert.deepEqual(values, ['open', 'after'])
  await producer.close()
})

check('transactions follow one another without pauses', async () => {
  const topic = await newTopic('follow')
  const producer = transactional('follow')
  const values = Array.from({ length: 40 }, (_, i) => `${i}`)
  for (const value of values) await send(producer, topic, [value], value % 2 === 0)
  await producer.close()
  await sendPlainly(topic, ['end'])
  // Of several aborted transactions of a producer in one answer, the client hides only the last.
  const seen = await read(topic, FetchIsolationLevels.READ_COMMITTED)
  assert.deepEqual(seen.filter(value => value % 2 === 0), values.filter(value => value % 2 === 0))
  assert.deepEqual(await read(topic, FetchIsolationLevels.READ_UNCOMMITTED), values)
})

check('a second producer with the same transactional id fences the first', async () => {
  const topic = await newTopic('fenced')
  const first = transactional('fenced')
  const open = await first.beginTransaction()
  await open.send(messages(topic, ['lost']))
  const second = transactional('fenced')
  const transaction = await second.beginTransaction()
  await transaction.send(messages(topic, ['kept']))
  await assert.rejects(open.commit(), error => ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'].some(id => error.findBy('apiId', id)))
  await transaction.commit()
  await first.close()
  await second.close()
  await sendPlainly(topic, ['end'])
  assert.deepEqual(await read(topic, FetchIsolationLevels.READ_COMMITTED), ['kept'])
  assert.deepEqual(await read(topic, FetchIsolationLevels.READ_UNCOMMITTED), ['lost', 'kept'])
})

/** Copies by a transaction for some records each, up to one that is aborted. Gives the place up to which it committed. */
async function copy (input, output, aborted) {
  const producer = transactional('copy')
  const place = await consume(input, group, FetchIsolationLevels.READ_COMMITTED, async (stream, consumer) => {
    let [place, number, part] = [0, 0, []]
    for await (const message of stream) {
      part.push(message)
      const next = Number(message.offset) + 1
      if (part.length < PER_TRANSACTION && next < RECORDS) continue
      const transaction = await producer.beginTransaction()
      await transaction.addConsumer(consumer)
      await transaction.send(messages(output, part.map(({ value }) => `copy of ${value}`)))
      await transaction.addOffset(message)
      number += 1
      await (number === aborted ? transaction.abort() : transaction.commit())
      if (number !== aborted) place = next
      if (number === aborted || place === RECORDS) break
      part = []
    }
    return place
  })
  await producer.close()
  return place
}

check('offsets of a group go with the transaction, and each input has one output', async () => {
  const [input, output] = [await newTopic('input'), await newTopic('output')]
  await sendPlainly(input, numbered('input', RECORDS))
  const admin = new Admin(options)
  const committed = async () => {
    const [{ topics }] = await admin.listConsumerGroupOffsets({ groups: [group] })
    return Number(topics.find(topic => topic.name === input).partitions[0].committedOffset)
  }
  assert.equal(await copy(input, output, 3), 2 * PER_TRANSACTION)
  assert.equal(await committed(), 2 * PER_TRANSACTION)
  assert.equal(await copy(input, output), RECORDS)
  // The commit is answered before the group hears of it.
  await until(async () => await committed() === RECORDS, 'the offset of the last transaction')
  await admin.close()
  await sendPlainly(output, ['end'])
  const copies = numbered('copy of input', RECORDS)
  assert.deepEqual(await read(output, FetchIsolationLevels.READ_COMMITTED), copies)
  assert.deepEqual(await read(output, FetchIsolationLevels.READ_UNCOMMITTED), [...copies.slice(0, 3 * PER_TRANSACTION), ...copies.slice(2 * PER_TRANSACTION)])
})
