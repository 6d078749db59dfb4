// kafkajs against a broker: admin, produce, consume, groups. It speaks only versions before the flexible ones.
// It asserts what a user sees, never a version number.

import assert from 'node:assert/strict'
import kafkajs from 'kafkajs'
import { BOOTSTRAP, check, main, name, until } from './checks.js'

const { CompressionTypes, ConfigResourceTypes, Kafka, logLevel } = kafkajs
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
const kafka = new Kafka({ clientId: 'compat', brokers: BOOTSTRAP, logLevel: logLevel.NOTHING })
const topic = name('topic')
const groupId = name('group')
const RECORDS = 300

async function withAdmin (body) {
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await body(admin)
  } finally {
    await admin.disconnect()
  }
}

async function withProducer (options, body) {
  const producer = kafka.producer(options)
  await producer.connect()
  try {
    return await body(producer)
  } finally {
    await producer.disconnect()
  }
}

async function startConsumer (options, seen) {
  const consumer = kafka.consumer({ sessionTimeout: 10_000, heartbeatInterval: 200, maxWaitTimeInMs: 200, ...options })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const assigned = { partitions: [] }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    assigned.partitions = payload.memberAssignment[topic] ?? []
  })
  await consumer.run({
    autoCommitInterval: 100,
    eachMessage: async ({ partition, message }) => seen.set(`${partition}:${message.offset}`, message)
  })
  return { consumer, assigned }
}

check('topics are created, listed and described', () => withAdmin(async admin => {
  assert.equal(await admin.createTopics({ topics: [{ topic, numPartitions: 3 }] }), true)
  assert.equal(await admin.createTopics({ topics: [{ topic, numPartitions: 3 }] }), false)
  await until(async () => (await admin.listTopics()).includes(topic), 'the topic in the list')
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  assert.deepEqual(topics[0].partitions.map(p => p.partitionId).sort(), [0, 1, 2])
  const cluster = await admin.describeCluster()
  assert.ok(cluster.clusterId)
}))

check('records are acknowledged with their offsets', () => withProducer({}, async producer => {
  const headers = { a: ['1', '2'], b: '' }
  const [first] = await producer.send({ topic, acks: -1, messages: [{ partition: 0, key: 'k', value: 'v', headers, timestamp: '77' }] })
  assert.equal(first.baseOffset, '0')
  await producer.send({ topic, acks: 1, messages: [{ partition: 0, key: 'gone', value: null }] })
  await producer.send({ topic, acks: 0, messages: [{ partition: 0, value: 'nobody knows' }] })
  const messages = Array.from({ length: RECORDS }, (_, i) => ({ partition: 1, value: `gzip ${i}` }))
  await producer.send({ topic, compression: CompressionTypes.GZIP, messages })
}))

check('an idempotent producer keeps the order', () => withProducer({ idempotent: true, maxInFlightRequests: 1 }, async producer => {
  for (let i = 0; i < 20; i++) {
    const [sent] = await producer.send({ topic, messages: [{ partition: 2, value: `${i}` }] })
    assert.equal(sent.baseOffset, `${i}`)
  }
}))

check('a group shares the partitions and remembers its place', async () => {
  const seen = new Map()
  const one = await startConsumer({ groupId }, seen)
  const two = await startConsumer({ groupId }, seen)
  const total = 3 + RECORDS + 20
  await until(() => seen.size === total, `${total} records`)
  const shares = () => [one.assigned.partitions.length, two.assigned.partitions.length].sort().join()
  await until(() => shares() === '1,2', 'both members with partitions')
  const first = seen.get('0:0')
  assert.equal(first.key.toString(), 'k')
  assert.equal(first.timestamp, '77')
  assert.deepEqual(first.headers.a.map(String), ['1', '2'])
  assert.equal(seen.get('0:1').value, null)
  assert.equal(seen.get(`1:${RECORDS - 1}`).value.toString(), `gzip ${RECORDS - 1}`)
  await one.consumer.stop()
  await one.consumer.disconnect()
  await until(() => two.assigned.partitions.length === 3, 'the other member with everything')
  await two.consumer.stop()
  await two.consumer.disconnect()
  const late = new Map()
  const third = await startConsumer({ groupId }, late)
  await until(() => third.assigned.partitions.length === 3, 'an assignment')
  await withProducer({}, producer => producer.send({ topic, messages: [{ partition: 1, value: 'last' }] }))
  await until(() => late.has(`1:${RECORDS}`), 'the new record')
  assert.equal(late.size, 1)
  await third.consumer.disconnect()
})

check('groups and their offsets are described, reset and deleted', () => withAdmin(async admin => {
  const { groups } = await admin.listGroups()
  assert.ok(groups.some(group => group.groupId === groupId))
  const described = await admin.describeGroups([groupId])
  assert.equal(described.groups[0].state, 'Empty')
  const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] })
  assert.equal(offsets.partitions.find(p => p.partition === 2).offset, '20')
  await admin.resetOffsets({ groupId, topic, earliest: true })
  await admin.deleteGroups([groupId])
  const after = await admin.listGroups()
  assert.ok(!after.groups.some(group => group.groupId === groupId))
}))

check('offsets are found by time and records deleted', () => withAdmin(async admin => {
  const offsets = await admin.fetchTopicOffsets(topic)
  assert.deepEqual(offsets.find(p => p.partition === 2), { partition: 2, offset: '20', high: '20', low: '0' })
  const byTime = await admin.fetchTopicOffsetsByTimestamp(topic, 50)
  assert.equal(byTime.find(p => p.partition === 0).offset, '0')
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 2, offset: '5' }] })
  await until(async () => (await admin.fetchTopicOffsets(topic)).find(p => p.partition === 2).low === '5', 'the new start')
}))

check('configuration is read and changed', () => withAdmin(async admin => {
  const resource = { type: ConfigResourceTypes.TOPIC, name: topic }
  const read = async () => {
    const { resources } = await admin.describeConfigs({ resources: [resource], includeSynonyms: false })
    return resources[0].configEntries.find(entry => entry.configName === 'retention.ms').configValue
  }
  assert.equal(await read(), '604800000')
  await admin.alterConfigs({ resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '3600000' }] }] })
  await until(async () => await read() === '3600000', 'the new value')
}))

check('partitions are added and the topic deleted', () => withAdmin(async admin => {
  await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
  const count = async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length
  await until(async () => await count() === 5, 'five partitions')
  await admin.deleteTopics({ topics: [topic] })
  await until(async () => !(await admin.listTopics()).includes(topic), 'the topic gone')
}))

// It registers checks, which come last.
await import('./kafkajs_transactions.js')
await main()
