// kafkajs in transactions: what readers see of them, fencing, and a group's offsets in them.
// It asserts what a user sees, never a version number; groups and admin without transactions are elsewhere.

import assert from 'node:assert/strict'
import kafkajs from 'kafkajs'
import { BOOTSTRAP, check, name, numbered, until } from './checks.js'

const { Kafka, logLevel } = kafkajs
// A transaction that follows another at once is told to try again until the markers of the first are written.
const retry = { initialRetryTime: 20, retries: 20, maxRetryTime: 500 }
const kafka = new Kafka({ clientId: 'transactions', brokers: BOOTSTRAP, logLevel: logLevel.NOTHING, retry })
const group = name('transactions-group')
const RECORDS = 300
const PER_TRANSACTION = 40

/** A new topic of one partition. */
async function newTopic (kind) {
  const topic = name(`transactions-${kind}`)
  const admin = kafka.admin()
  await admin.connect()
  // Its own wait for the leader gives up when the broker has not heard of the topic yet.
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: false })
  await until(async () => (await admin.listTopics()).includes(topic), 'the topic in the list')
  await admin.disconnect()
  return topic
}

async function transactional (kind) {
  const producer = kafka.producer({ transactionalId: name(kind), idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  return producer
}

const messages = values => values.map(value => ({ partition: 0, value }))

async function sendPlainly (topic, values) {
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, messages: messages(values) })
  await producer.disconnect()
}

/** Sends values in a transaction of their own. */
async function send (producer, topic, values, commit) {
  const transaction = await producer.transaction()
  await transaction.send({ topic, messages: messages(values) })
  await (commit ? transaction.commit() : transaction.abort())
}

let readers = 0

async function reader (topic, readUncommitted) {
  const consumer = kafka.consumer({ groupId: `${group}-reader-${readers++}`, maxWaitTimeInMs: 200, readUncommitted })
  const values = []
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => { values.push(message.value.toString()) } })
  return { consumer, values }
}

/** The values before the record that ends the topic. */
async function read (topic, readUncommitted) {
  const { consumer, values } = await reader(topic, readUncommitted)
  await until(() => values.includes('end'), `the end of ${topic}`)
  await consumer.disconnect()
  return values.slice(0, values.indexOf('end'))
}

/** Ends a topic by a record without a transaction and compares what readers of either kind see before it. */
async function sees (topic, committed, everything) {
  await sendPlainly(topic, ['end'])
  assert.deepEqual(await read(topic, false), committed)
  assert.deepEqual(await read(topic, true), everything)
}

check('committed records are seen by a reader of committed records, aborted ones never', async () => {
  const topic = await newTopic('visible')
  const producer = await transactional('visible')
  const [first, aborted, last] = ['commit', 'abort', 'commit again'].map(fate => numbered(fate, 100))
  await send(producer, topic, first, true)
  await send(producer, topic, aborted, false)
  await send(producer, topic, last, true)
  await producer.disconnect()
  await sees(topic, [...first, ...last], [...first, ...aborted, ...last])
})

check('a reader of committed records waits for an open transaction', async () => {
  const topic = await newTopic('open')
  const producer = await transactional('open')
  const transaction = await producer.transaction()
  await transaction.send({ topic, messages: messages(['open']) })
  await sendPlainly(topic, ['after'])
  const { consumer, values } = await reader(topic, false)
  await new Promise(resolve => setTimeout(resolve, 1000))
  assert.deepEqual(values, [])
  await transaction.commit()
  await until(() => values.length === 2, 'both records')
  assert.deepEqual(values, ['open', 'after'])
  await consumer.disconnect()
  await producer.disconnect()
})

check('transactions follow one another without pauses', async () => {
  const topic = await newTopic('follow')
  const producer = await transactional('follow')
  const values = Array.from({ length: 40 }, (_, i) => `${i}`)
  for (const value of values) await send(producer, topic, [value], value % 2 === 0)
  await producer.disconnect()
  await sees(topic, values.filter(value => value % 2 === 0), values)
})

check('a second producer with the same transactional id fences the first', async () => {
  const topic = await newTopic('fenced')
  const first = await transactional('fenced')
  const open = await first.transaction()
  await open.send({ topic, messages: messages(['lost']) })
  const second = await transactional('fenced')
  const transaction = await second.transaction()
  await transaction.send({ topic, messages: messages(['kept']) })
  await assert.rejects(open.commit(), error => /PRODUCER_FENCED|INVALID_PRODUCER_EPOCH/.test(error.type))
  await transaction.commit()
  await first.disconnect()
  await second.disconnect()
  await sees(topic, ['kept'], ['lost', 'kept'])
})

/** Copies by a transaction for some records each, up to one that is aborted. Gives the place up to which it committed. */
async function copy (input, output, aborted) {
  const producer = await transactional('copy')
  const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 200 })
  await consumer.connect()
  await consumer.subscribe({ topics: [input], fromBeginning: true })
  let [place, number, ended, failure] = [0, 0, false]
  const eachBatch = async ({ batch }) => {
    for (let i = 0; i < batch.messages.length && !ended; i += PER_TRANSACTION) {
      const part = batch.messages.slice(i, i + PER_TRANSACTION)
      const next = Number(part.at(-1).offset) + 1
      const transaction = await producer.transaction()
      await transaction.send({ topic: output, messages: messages(part.map(message => `copy of ${message.value}`)) })
      await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic: input, partitions: [{ partition: 0, offset: `${next}` }] }] })
      number += 1
      await (number === aborted ? transaction.abort() : transaction.commit())
      if (number !== aborted) place = next
      ended = number === aborted || place === RECORDS
    }
  }
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: batch => eachBatch(batch).catch(error => { failure = error })
  })
  await until(() => ended || failure, 'the copies')
  await consumer.disconnect()
  await producer.disconnect()
  if (failure) throw failure
  return place
}

check('offsets of a group go with the transaction, and each input has one output', async () => {
  const [input, output] = [await newTopic('input'), await newTopic('output')]
  await sendPlainly(input, numbered('input', RECORDS))
  const admin = kafka.admin()
  await admin.connect()
  const committed = async () => {
    const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [input] })
    return Number(offsets.partitions[0].offset)
  }
  assert.equal(await copy(input, output, 3), 2 * PER_TRANSACTION)
  assert.equal(await committed(), 2 * PER_TRANSACTION)
  assert.equal(await copy(input, output), RECORDS)
  // The commit is answered before the group hears of it.
  await until(async () => await committed() === RECORDS, 'the offset of the last transaction')
  await admin.disconnect()
  const copies = numbered('copy of input', RECORDS)
  await sees(output, copies, [...copies.slice(0, 3 * PER_TRANSACTION), ...copies.slice(2 * PER_TRANSACTION)])
})
