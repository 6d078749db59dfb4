// @platformatic/kafka against a broker: it speaks only the newest, flexible versions.
// It asserts what a user sees, never a version number.

import './platform.js'
import assert from 'node:assert/strict'
import { Admin, Consumer, MessagesStreamModes, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { BOOTSTRAP, check, main, name, until } from './checks.js'

const options = { clientId: 'compat', bootstrapBrokers: BOOTSTRAP }
const topic = name('topic')
const groupId = name('group')
const RECORDS = 300
// Zstandard needs a newer Node than the script does.
const CODECS = ['none', 'gzip']

check('topics are created and listed', async () => {
  const admin = new Admin(options)
  await admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 })
  await until(async () => (await admin.listTopics()).includes(topic), 'the topic in the list')
  await admin.close()
})

check('records of each codec are acknowledged', async () => {
  const producer = new Producer({ ...options, serializers: stringSerializers })
  for (const compression of CODECS) {
    const messages = Array.from({ length: RECORDS }, (_, i) => ({ topic, partition: 0, key: `k${i}`, value: `${compression} ${i}` }))
    const { offsets } = await producer.send({ messages, compression, acks: -1 })
    assert.equal(offsets.length, 1)
  }
  await producer.close()
})

check('a group reads them and remembers its place', async () => {
  const read = async (count) => {
    const consumer = new Consumer({ ...options, groupId, deserializers: stringDeserializers })
    const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.COMMITTED, fallbackMode: MessagesStreamModes.EARLIEST, autocommit: false })
    const values = []
    for await (const message of stream) {
      values.push(message.value)
      if (values.length === count) {
        await message.commit()
        break
      }
    }
    await stream.close()
    await consumer.close(true)
    return values
  }
  const expected = CODECS.flatMap(codec => Array.from({ length: RECORDS }, (_, i) => `${codec} ${i}`))
  assert.deepEqual(await read(RECORDS), expected.slice(0, RECORDS))
  assert.deepEqual(await read(RECORDS), expected.slice(RECORDS))
})

check('groups are described and deleted, and the topic too', async () => {
  const admin = new Admin(options)
  const groups = await admin.listGroups()
  assert.ok(groups.has(groupId))
  const described = await admin.describeGroups({ groups: [groupId] })
  assert.equal(described.get(groupId).id, groupId)
  await admin.deleteGroups({ groups: [groupId] })
  await admin.deleteTopics({ topics: [topic] })
  await until(async () => !(await admin.listTopics()).includes(topic), 'the topic gone')
  await admin.close()
})

// It registers checks, which come last.
await import('./platformatic_transactions.js')
await main()
